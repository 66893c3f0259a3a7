"""A run in a process of its own, for tests that end it by force: python crash.py RECIPE OUT BASE_URL.

Its limit of requests is stated, so that no time goes into learning it.
"""

import sys
from pathlib import Path

from prefgen import load, run

recipe, out, url = sys.argv[1:4]
models = ["writer", "judge"]
overrides = [f"models.{model}.{known}" for model in models for known in (f"base_url={url}", "rpm=60000")]
run(load(Path(recipe), overrides), out, take=30)
