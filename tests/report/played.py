"""Runs that a report has much to say of: planted worlds with categories, prices, unread replies, and several judges."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from prefgen import Recipe, load, run
from prefgen.llm.request import Completion, Request, Usage
from prefgen.run import Run
from tests.marks import unmarked
from tests.worlds import RECIPES, Judge, Writer, actor, perturber, questions, scorer, whole

PRICE = {"input": 1.0, "output": 4.0}
"""Dollars for a million tokens."""
SUBJECTS = ("coding", "rewriting", "mathematical reasoning")


def counted(writes: Writer) -> Callable[[Request, int], Completion]:
    """The same replies, with tokens: a quarter of their characters."""

    def with_tokens(request: Request, seed: int) -> Completion:
        said = writes(request, seed)
        return Completion(said, usage=Usage(len(whole(request)) // 4, len(said) // 4))

    return with_tokens


def unsure(judge: Writer, share: float = 0.1) -> Writer:
    """A judge that says nothing on offer in a share of its replies."""

    def says(request: Request, seed: int) -> str:
        return (
            "Both have their merits <script>alert(1)</script>."
            if Random(f"unsure {seed}").random() < share
            else judge(request, seed)
        )

    return says


def sorted_by_subject(writer: Writer) -> Writer:
    """A writer that finds each question's subject by its number."""

    def writes(request: Request, seed: int) -> str:
        if "Complexity:" not in whole(request):
            return writer(request, seed)
        place = int(whole(request).rpartition("Question ")[2].partition("?")[0]) % 4 % 3
        return f"Category: {SUBJECTS[place]}\nComplexity: 5\nLength: long"

    return writes


def played(name: str, folder: Path, who: Mapping[str, Sequence[Writer]], n: int, *overrides: str, **how: Any) -> Run:
    """Runs a shipped recipe on n prompts, with functions in the place of its models, which cost what tokens cost."""
    folder.mkdir(parents=True, exist_ok=True)
    source = how.pop("source", "prompts")
    recipe = load(RECIPES / f"{name}.yaml", [f"steps.{source}.load={questions(folder, n)}", *overrides])
    fakes = {f"{role}-{k}": counted(unmarked(one)) for role, ones in who.items() for k, one in enumerate(ones)}
    return run(cast(recipe, who), folder / "run", fakes=fakes, shard=how.pop("shard", 50), **how)


def cast(recipe: Recipe, who: Mapping[str, Sequence[Writer]]) -> Recipe:
    """The recipe with these actors."""
    ids = {role: [f"fake/{role}-{k}" for k in range(len(ones))] for role, ones in who.items()}
    models = {
        role: {**settings, "use": ids[role] if len(ids[role]) > 1 else ids[role][0], "price": PRICE}
        for role, settings in recipe.models.items()
    }
    return replace(recipe, models=models)


def judged(folder: Path, n: int = 60, **how: Any) -> Run:
    """Perturbed pairs with categories, a judge that is sometimes unread and likes the first, and a stop."""
    who = {"writer": [sorted_by_subject(perturber(0.1))], "judge": [unsure(Judge(0.75, first=0.2))]}
    return played("self-taught-evaluators", folder, who, n, "canaries={share: 0}", source="all", **how)


def jury(folder: Path, n: int = 60) -> Run:
    """Three judges of the same pairs, of which all must agree."""
    who: dict[str, list[Writer]] = {
        "writer": [perturber()],
        "jury": [Judge(0.95), unsure(Judge(0.85, first=0.2)), Judge(0.75, longer=0.3)],
    }
    return played("panel", folder, who, n, "canaries={share: 0}")


def scored(folder: Path, n: int = 32) -> Run:
    """Scored responses of one model, by a judge that likes long ones, with length control."""
    return played("meta-rewarding", folder, {"self": [oneself]}, n, "canaries={share: 0}", "steps.judgments.n=3")


def oneself(request: Request, seed: int) -> str:
    """An answer, a score of one, or a verdict on two scores."""
    asked = whole(request)
    if "Judgement A" in asked:
        return meta(request, seed)
    return (scorer(0.5, length_bias=0.5) if "Score:" in asked else actor())(request, seed)


def meta(_: Request, seed: int) -> str:
    """A verdict on two judgments."""
    return f"Both are fair.\n\nWinner: Judgement {'AB'[Random(seed).random() < 0.4]}"


def pooled(folder: Path, n: int = 48) -> Run:
    """Four models, one better than the other, rated together by one that sees their merits a little blurred."""
    pool: list[Writer] = [actor(0.1 * k, 0.1 * k + 0.5) for k in range(4)]
    return played("ultrafeedback", folder, {"pool": pool, "judge": [rates]}, n, "canaries={share: 0}")


def rates(request: Request, seed: int) -> str:
    """Texts from 1 to 5, by their merit."""
    import re

    points = [
        1 + int(4 * float(good) + Random(seed + n).random())
        for n, good in enumerate(re.findall(r"merit (\d\.\d{6})", whole(request)))
    ]
    return "\n\n".join(f"Text: {n}\nRating: {min(one, 5)}\nRationale: so." for n, one in enumerate(points, 1))
