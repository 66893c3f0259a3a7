"""A run in a process of its own, for tests that end it by force: python crash.py RECIPE OUT BASE_URL."""

import sys
from pathlib import Path

from prefgen import load, run

recipe, out, url = sys.argv[1:4]
models = ["writer", "judge"]
overrides = [f"models.{model}.base_url={url}" for model in models]
run(load(Path(recipe), overrides), out, take=30)
