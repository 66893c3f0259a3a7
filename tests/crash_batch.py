"""A run in batches in a process of its own, for tests that stop it: python crash_batch.py RECIPE OUT BASE_URL [online]."""

import sys
from pathlib import Path

from prefgen import load, run
from prefgen.errors import Interrupted
from prefgen.llm.batch.protocol import Settings

recipe, out, url, *online = sys.argv[1:]
models = ["writer", "judge"]
overrides = [f"models.{model}.{known}" for model in models for known in (f"base_url={url}", "batch=true")]
fast = Settings(quiet=0.1, first=0.05, rare=0.05, grace=0.1)
try:
    run(
        load(Path(recipe), overrides),
        out,
        take=6,
        batch=False if online else fast,
        say=lambda line: print(line, flush=True),
    )
except Interrupted as e:
    print(e)
    sys.exit(130)
