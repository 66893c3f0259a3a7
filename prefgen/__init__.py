"""prefgen: preference datasets for LLM alignment, from a recipe that reads like the paper.

from prefgen import Recipe, do, load, run
run(load("recipes/quickstart.yaml"))
"""

from prefgen.allow import Allow
from prefgen.recipe import Recipe, do, load
from prefgen.replay import replay
from prefgen.run import run

__version__ = "0.1.0"
__all__ = ["Allow", "Recipe", "do", "load", "replay", "run"]
