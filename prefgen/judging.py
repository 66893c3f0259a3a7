"""Judges as a library: prompts and completions in, numbers out. What TRL took away, under the contract it had.

    from prefgen.judges import PairJudge
    judge = PairJudge("openai/gpt-4.1-mini")
    judge.judge(["What is 2 + 2?"], [["4", "5"]])  # [0]: the first one is better

A completion is named by its place; -1 says that nothing could be read, and is never a vote. The same judges, prompts
and readers stand behind them as behind recipes. Each has ``judge``, and ``ajudge`` for where a loop runs.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Literal, Protocol

import polars as pl

from prefgen import verbs
from prefgen.asker import MESSAGES, Asker, Message, read_anew
from prefgen.door import finished
from prefgen.errors import Problem, RecipeError
from prefgen.llm.client import Client
from prefgen.llm.journal import Journal
from prefgen.planned import Planned
from prefgen.pools import Pools
from prefgen.recipe import Recipe
from prefgen.rounds import Count, ask_frame
from prefgen.settings import check, parameters, resolved

Talk = str | Sequence[Message]
"""A prompt or a completion: text, or a conversation."""
NONE = -1
"""What stands where no judgment could be read."""


class _Judge:
    """A judging verb, a model, and a journal: rows in, judgments out."""

    VERB: ClassVar[str]

    def __init__(
        self,
        model: str | Sequence[str] | Mapping[str, Any] | Callable[..., Any],
        *,
        verb: str | None = None,
        journal: str | Path | None = None,
        seed: int = 0,
        fakes: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        """``model`` is ``provider/model``, or a mapping as in a recipe (``use``, ``temperature``, ``base_url`` …);
        ``verb`` another judge of the same kind, ``settings`` its own (``n``, ``template`` …). ``journal`` keeps replies
        from one call, and one process, to the next. Raises RecipeError for a model that cannot be asked.
        """
        read_anew()
        of = dict(model) if isinstance(model, Mapping) else {"use": model}
        pools = Pools(Recipe(name="judge", steps={}, models={"judge": of}, seed=seed), dict(fakes or {}))
        self.models, self.fakes = pools.all()["judge"], pools.fakes
        self.verb, self.seed, self.journal = verb or self.VERB, seed, journal
        kind: type[Asker] = verbs.find(self.verb)  # type: ignore[assignment]
        own = {"seed": seed} if "seed" in parameters(kind) else {}
        checked, wrong = check(self.verb, kind, {"model": "judge", **own, **settings})
        if problems := [*pools.problems, *(Problem("", "", one.what, one.cure) for one in wrong)]:
            raise RecipeError(problems)
        self.asker = kind(**resolved(kind, checked, Path()))

    async def _judgments(self, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
        """One row for each judgment that could be read; ``row`` is the place of the row that it is of."""
        columns: dict[str, Any] = {"prompt": MESSAGES, "row": pl.Int64}
        named = [{"prompt_id": f"{i}", "id": f"{i}", "row": i, **row} for i, row in enumerate(rows)]
        frame = pl.DataFrame(named, schema_overrides=columns, infer_schema_length=None)
        schema = pl.Schema(frame.schema | dict(self.asker.makes))
        step = Planned(
            "judgments", self.verb, type(self.asker), ("rows",), schema, asker=self.asker, models=self.models
        )
        with TemporaryDirectory() as nowhere:
            journal = Journal(Path(self.journal or Path(nowhere) / "journal.sqlite"))
            client = Client(journal, self.fakes)
            try:
                made, _ = await ask_frame(step, frame, client, self.seed, Count())
            finally:
                await client.close()
                journal.close()
        return made


class PairJudge(_Judge):
    """Which of two completions is better: its place, 0 or 1, or -1 where that could not be told.

    ``orders`` says how the two are shown: ``one``, an order that the seed decides for each pair (one request), or
    ``both``, where -1 also stands for a verdict that changes with the order (two requests). ``n`` samples vote in each
    order; a tied vote is -1.
    """

    VERB = "compare"

    def __init__(
        self,
        model: str | Sequence[str] | Mapping[str, Any] | Callable[..., Any],
        *,
        orders: Literal["one", "both"] = "one",
        **settings: Any,
    ) -> None:
        """``settings`` are those of every judge here (``journal``, ``seed``, ``verb``) and the verb's own."""
        super().__init__(model, **settings)
        self.orders = orders

    def judge(
        self,
        prompts: Sequence[Talk],
        completions: Sequence[Sequence[Talk]],
        shuffle_order: bool = True,  # noqa: FBT001, FBT002  TRL's contract
    ) -> list[int]:
        """The place of the better of each two completions. ``shuffle_order=False`` shows each first one first.
        Raises ValueError where a prompt has not two completions, and ProviderError where no request can succeed.
        """
        return finished(self.ajudge(prompts, completions, shuffle_order))

    __call__ = judge

    async def ajudge(
        self,
        prompts: Sequence[Talk],
        completions: Sequence[Sequence[Talk]],
        shuffle_order: bool = True,  # noqa: FBT001, FBT002
    ) -> list[int]:
        """As ``judge``, where a loop runs."""
        _matched(prompts, completions, 2)
        talks = [_talk(prompt) for prompt in prompts]
        shown = [
            (i, first)
            for i, pair in enumerate(completions)
            for first in ((0, 1) if self.orders == "both" else (self._first(talks[i], pair, shuffle_order),))
        ]
        rows = [
            {
                "prompt": talks[i],
                "response_a": _text(completions[i][first]),
                "response_b": _text(completions[i][1 - first]),
            }
            for i, first in shown
        ]
        votes = _votes(await self._judgments(rows), len(rows)) if rows else []
        found: dict[int, list[int]] = {}
        for (i, first), vote in zip(shown, votes, strict=True):
            found.setdefault(i, []).append(NONE if vote is None else first if vote == "A" else 1 - first)
        return [said[0] if len(set(said)) == 1 else NONE for said in found.values()]

    def _first(self, prompt: Sequence[Message], pair: Sequence[Talk], shuffle: bool) -> int:  # noqa: FBT001
        """Which completion is shown first; the seed and the texts decide, never a call before."""
        if not shuffle:
            return 0
        text = "\x00".join([str(prompt), *map(_text, pair)])
        return hashlib.blake2b(f"{self.seed}/first/{text}".encode("utf-8", "surrogatepass")).digest()[0] & 1


class RankJudge(_Judge):
    """Completions in the order of their scores, best first; equal scores are ordered by the seed.

    A prompt of which any completion could not be scored is ranked ``[-1, -1, …]``.
    """

    VERB = "score"

    def judge(self, prompts: Sequence[Talk], completions: Sequence[Sequence[Talk]]) -> list[list[int]]:
        """The places of each prompt's completions, from the best to the worst."""
        return finished(self.ajudge(prompts, completions))

    __call__ = judge

    async def ajudge(self, prompts: Sequence[Talk], completions: Sequence[Sequence[Talk]]) -> list[list[int]]:
        """As ``judge``, where a loop runs."""
        _matched(prompts, completions, None)
        rows = [
            {"prompt": _talk(prompt), "response": _text(one)}
            for prompt, several in zip(prompts, completions, strict=True)
            for one in several
        ]
        made = await self._judgments(rows) if rows else pl.DataFrame(schema={"row": pl.Int64, "score": pl.Float64})
        means: dict[int, float] = dict(made.group_by("row").agg(pl.col("score").mean()).iter_rows())
        ranked, start = [], 0
        for several in completions:
            ranked.append(self._ranked([means.get(start + k) for k in range(len(several))]))
            start += len(several)
        return ranked

    def _ranked(self, scores: Sequence[float | None]) -> list[int]:
        known = [score for score in scores if score is not None]
        if len(known) < len(scores):
            return [NONE] * len(scores)
        drawn = [hashlib.blake2b(f"{self.seed}/rank/{k}/{known}".encode()).digest() for k in range(len(known))]
        return sorted(range(len(known)), key=lambda k: (-known[k], drawn[k]))


class BinaryJudge(_Judge):
    """Whether each completion is correct: 1, 0, or -1 where that could not be told; ``n`` samples vote."""

    VERB = "correct"

    def judge(
        self, prompts: Sequence[Talk], completions: Sequence[Talk], gold_completions: Sequence[Talk] | None = None
    ) -> list[int]:
        """One number for each completion. ``gold_completions`` are answers known to be correct, shown to the judge."""
        return finished(self.ajudge(prompts, completions, gold_completions))

    __call__ = judge

    async def ajudge(
        self, prompts: Sequence[Talk], completions: Sequence[Talk], gold_completions: Sequence[Talk] | None = None
    ) -> list[int]:
        """As ``judge``, where a loop runs."""
        gold = gold_completions if gold_completions is not None else [None] * len(prompts)
        if not len(prompts) == len(completions) == len(gold):
            raise ValueError(
                f"{len(prompts)} prompts, {len(completions)} completions, {len(gold)} gold ones; as many each"
            )
        rows = [
            {"prompt": _talk(p), "response": _text(c), "reference": None if g is None else _text(g)}
            for p, c, g in zip(prompts, completions, gold, strict=True)
        ]
        votes = _votes(await self._judgments(rows), len(rows), "correct") if rows else []
        return [NONE if vote is None else int(vote) for vote in votes]


class Binary(Protocol):
    """A binary judge: 1, 0 or -1 for each completion."""

    def judge(
        self, prompts: Sequence[Talk], completions: Sequence[Talk], gold_completions: Sequence[Talk] | None = None
    ) -> list[int]:
        """One number for each completion."""


class AllTrueJudge:
    """Several binary judges as one (mixture of judges, arXiv:2409.20370): 1 where all say 1, -1 where any says -1."""

    def __init__(self, judges: Sequence[Binary]) -> None:
        if not judges:
            raise ValueError("judges must be one at least; there is none")
        self.judges = tuple(judges)

    def judge(
        self, prompts: Sequence[Talk], completions: Sequence[Talk], gold_completions: Sequence[Talk] | None = None
    ) -> list[int]:
        """One number for each completion."""
        said = [judge.judge(prompts, completions, gold_completions) for judge in self.judges]
        return [NONE if NONE in votes else int(all(votes)) for votes in zip(*said, strict=True)]

    __call__ = judge


# --- what they share ------------------------------------------------------------------------


def _matched(prompts: Sequence[Talk], completions: Sequence[Sequence[Talk]], each: int | None) -> None:
    if len(prompts) != len(completions):
        raise ValueError(f"{len(prompts)} prompts, but completions of {len(completions)}; give as many")
    for i, several in enumerate(completions):
        if isinstance(several, str) or (each and len(several) != each):
            number = "text, not a list" if isinstance(several, str) else f"{len(several)} completions"
            raise ValueError(f"prompt {i} has {number}; give a list of {each or 'completions'}")


def _talk(prompt: Talk) -> list[Message]:
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    return [{"role": turn["role"], "content": turn["content"]} for turn in prompt]


def _text(completion: Talk) -> str:
    return completion if isinstance(completion, str) else completion[-1]["content"]


def _votes(made: pl.DataFrame, rows: int, column: str = "verdict") -> list[Any]:
    """Each row's majority, None where there is none."""
    said: dict[int, Counter[Any]] = {i: Counter() for i in range(rows)}
    for i, vote in made.select("row", column).drop_nulls().iter_rows():
        said[i][vote] += 1
    return [_most(votes) for votes in said.values()]


def _most(votes: Counter[Any]) -> Any:
    first, second = [*votes.most_common(2), (None, 0), (None, 0)][:2]
    return first[0] if first[1] > second[1] else None
