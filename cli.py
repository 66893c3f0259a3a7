"""The door of a clone: `python cli.py run recipes/quickstart.yaml`."""

from prefgen.cli import main

main()
