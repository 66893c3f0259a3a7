"""Parts that write judgments with a model, and the same judges for pipelines of your own:

    from prefgen.judges import AllTrueJudge, BinaryJudge, PairJudge, RankJudge

Those ask models, which no part does itself, so they live in ``prefgen.judging`` and are loaded when they are asked for.
"""

from importlib import import_module
from typing import Any

LIBRARY = ("AllTrueJudge", "BinaryJudge", "PairJudge", "RankJudge")


def __getattr__(name: str) -> Any:
    if name in LIBRARY:
        return getattr(import_module("prefgen.judging"), name)
    raise AttributeError(f"prefgen.judges has no {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *LIBRARY])
