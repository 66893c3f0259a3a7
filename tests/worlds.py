"""Planted worlds: actors whose responses say how good they are, and judges whose faults are known.

A response's text begins with its merit, a number from 0 to 1; the rest of it is as long as the actor makes it. Judges
read merits out of what they are shown, and err as they were told to. All chance comes from a draw's seed.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from prefgen import Recipe, load, run
from prefgen.llm.request import Request
from prefgen.run import Run
from tests.marks import unmarked

RECIPES = Path(__file__).parent.parent / "recipes"
MERIT = re.compile(r"merit (\d\.\d{6})")

Writer = Callable[[Request, int], str]


def merit(text: str) -> float:
    """How good a response is."""
    return float(MERIT.findall(text)[0])


def merits(column: pl.Series) -> list[float]:
    """How good each response is, or the last turn of each conversation."""
    return [merit(one if isinstance(one, str) else one[-1]["content"]) for one in column.to_list()]


def text(good: float, length: int) -> str:
    """A response of this merit and about this length."""
    head = f"merit {good:.6f} "
    return head + "x" * max(1, length - len(head))


def whole(request: Request) -> str:
    """All that a model is shown."""
    return "\n".join(turn["content"] for turn in request.messages)


def actor(lowest: float = 0.0, highest: float = 1.0, lengths: tuple[int, int] = (100, 1000)) -> Writer:
    """Responses of evenly spread merit, and of lengths that have nothing to do with it."""

    def writes(_: Request, seed: int) -> str:
        chance = Random(seed)
        return text(chance.uniform(lowest, highest), chance.randint(*lengths))

    return writes


def perturber(wrong: float = 0.0) -> Writer:
    """Answers, and perturbs them: the other answer is worse, but for the share ``wrong`` of cases, where it is better."""
    answers = actor(0.2, 0.8)

    def writes(request: Request, seed: int) -> str:
        shown = whole(request)
        if "[User Question Modified]" not in shown:
            return "Category: coding\nComplexity: 5\nLength: long" if "Complexity:" in shown else answers(request, seed)
        chance = Random(seed)
        other = merit(shown) + (0.1 if chance.random() < wrong else -0.1)
        return perturbed(text(other, chance.randint(100, 1000)), seed)

    return writes


def perturbed(answer: str, seed: int) -> str:
    """A nearby question and an answer to it, in the form that perturb asks for."""
    return (
        f"[User Question Modified]\nAnother question, {seed}?\n"
        f"[The start of Assistant's answer to the modified instruction]\n{answer}\n"
        "[The end of Assistant's answer to the modified instruction]"
    )


@dataclass(frozen=True)
class Judge:
    """Of two responses it finds the better one with probability ``right``; first, though, a share ``first`` of its
    verdicts goes to the one shown first, and a share ``longer`` to the longer one, whatever they say.
    """

    right: float = 1.0
    first: float = 0.0
    longer: float = 0.0

    def __call__(self, request: Request, seed: int) -> str:
        shown = re.findall(r"Assistant [AB]'s Answer\]\n(.*?)\n\[The End", whole(request), re.DOTALL)
        return f"So be it.\n\n[[{self.says(shown, Random(seed))}]]"

    def says(self, shown: list[str], chance: Random) -> str:
        """A or B."""
        kind = chance.random()
        if kind < self.first:
            return "A"
        if kind < self.first + self.longer:
            return "A" if len(shown[0]) > len(shown[1]) else "B"
        better = "A" if merit(shown[0]) > merit(shown[1]) else "B"
        return better if chance.random() < self.right else "BA"["AB".index(better)]


def noisy(shown: float, chance: Random, noise: float, highest: int = 5, lowest: int = 0) -> int:
    """A merit as a whole number of points, with noise on it."""
    points = lowest + (highest - lowest) * shown + chance.gauss(0, noise)
    return min(highest, max(lowest, round(points)))


def scorer(noise: float, length_bias: float = 0.0, longest: int = 1000) -> Writer:
    """Scores from 0 to 5 (or 1 to 5, where a rubric is shown); ``length_bias`` is the share of a score that is length."""

    def writes(request: Request, seed: int) -> str:
        shown, chance = whole(request), Random(seed)
        response = re.search(r"merit \d\.\d{6} x*", shown)
        size = len(response[0]) if response else 0
        good = (1 - length_bias) * merit(shown) + length_bias * min(1.0, size / longest)
        if "[RESULT]" in shown:
            return f"Fair. [RESULT] {noisy(good, chance, noise, lowest=1)}"
        return f"Fair, for {seed}.\n\nScore: {noisy(good, chance, noise)}"

    return writes


# --- playing a recipe -----------------------------------------------------------------------


def questions(folder: Path, n: int) -> Path:
    """A file of n prompts."""
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"Question {i}?"}) + "\n" for i in range(n)))
    return path


NO_CANARIES = "canaries={share: 0}"
"""Planted judges read the merit of every text that they are shown."""


def play(
    name: str,
    folder: Path,
    who: Mapping[str, Writer | list[Writer]],
    n: int,
    *overrides: str,
    source: str = "prompts",
    preset: str | None = None,
) -> Run:
    """Runs a shipped recipe on n prompts, with a function in the place of each of its models."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = [f"steps.{source}.load={questions(folder, n)}"] if n else []
    recipe = load(RECIPES / f"{name}.yaml", [*sources, NO_CANARIES, *overrides], preset=preset)
    fakes = {f"{role}-{k}": unmarked(one) for role, ones in who.items() for k, one in enumerate(_several(ones))}
    return run(_cast(recipe, who), folder / "run", fakes=fakes, shard=100)


def _several(ones: Writer | list[Writer]) -> list[Writer]:
    return ones if isinstance(ones, list) else [ones]


def _cast(recipe: Recipe, who: Mapping[str, Writer | list[Writer]]) -> Recipe:
    models: dict[str, Any] = {}
    for role, settings in recipe.models.items():
        ids = [f"fake/{role}-{k}" for k in range(len(_several(who[role])))]
        models[role] = {**settings, "use": ids if len(ids) > 1 else ids[0]}
    return replace(recipe, models=models)


def made(done: Run, table: str) -> pl.DataFrame:
    """A table of a run."""
    return pl.read_parquet(done.folder / "tables" / f"{table}.parquet")


def judged(done: Run, table: str, judge: str | None = None) -> Mapping[str, Any]:
    """What run.json says of a judge; of the only one, where none is named."""
    judges = json.loads((done.folder / "run.json").read_text())["judges"][table]["judges"]
    found: Mapping[str, Any] = judges[judge] if judge else next(iter(judges.values()))
    return found


def holds(measured: Mapping[str, float], truth: float) -> bool:
    """Whether an interval holds what was planted."""
    return measured["low"] <= truth <= measured["high"]


def near(count: float, of: int, truth: float, deviations: float = 3.5) -> bool:
    """Whether a share is within so many standard deviations of what it should be."""
    return abs(count / of - truth) <= deviations * sqrt(truth * (1 - truth) / of) + 1e-12
