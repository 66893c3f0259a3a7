"""What a dataset is taken for: told by its columns, as ``load_pairs`` tells it, and of more kinds than pairs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from prefgen.errors import nearest
from prefgen.filters.decontaminate import FIELDS
from prefgen.judged import PAIRS as JUDGED_PAIRS
from prefgen.judged import SCORES as JUDGED_SCORES
from prefgen.sources._layouts import LAYOUTS, MANY, PAIRS, Layout
from prefgen.sources._read import LoadError
from prefgen.sources._sides import Judged, Sides, labelled

Kind = Literal["pairs", "unpaired", "completions", "prompts", "judgments"]


class UnknownLayout(LoadError):
    """A source whose columns say nothing of pairs, responses or prompts."""


@dataclass(frozen=True)
class Scored:
    """Lists of responses of one prompt with what ranks them: each against each that ranks below it. ``of`` is the list
    of texts, ``by`` that of numbers beside it, ``models`` that of names; where ``by`` is a field of the objects in
    ``of``, ``text`` is their field of the text. ``low`` says that the lowest number is the best.
    """

    of: str
    by: str
    text: str = ""
    models: str = ""
    low: bool = False
    scored: bool = True

    def told(self) -> str:
        """What is read, in words."""
        return f"each of {self.of} against each that {self.by} puts below it"


@dataclass(frozen=True)
class Taken:
    """What a dataset is taken for. ``layout`` is its name, ``told`` what is read of it in words; of pairs ``pairs`` or
    ``lists`` says how they are read, of all else ``prompt``, ``response``, ``label`` and ``score`` say where these are.
    """

    kind: Kind
    layout: str
    told: str
    pairs: Layout | None = None
    lists: Scored | None = None
    prompt: str | None = None
    response: str | None = None
    label: str | None = None
    score: str | None = None

    @property
    def noun(self) -> str:
        """What its rows hold, in a word."""
        return {"unpaired": "responses", "completions": "responses"}.get(self.kind, self.kind)

    @property
    def named(self) -> str:
        """What it is taken for, in words."""
        kind = {"unpaired": "unpaired responses", "completions": "single responses"}.get(self.kind, self.kind)
        layout = f" ({self.layout})" if self.layout != self.kind else ""
        return f"{kind}{layout}: {self.told}"

    def wants(self) -> set[str]:
        """The columns that are read of it."""
        own = {one for one in (self.prompt, self.response, self.label, self.score) if one}
        if self.lists:
            own |= {one for one in (self.lists.of, self.lists.by, self.lists.models) if one}
        return own | (self.pairs.columns() if self.pairs else set())


def _also(name: str, marks: str, prompt: str, reading: Sides | Judged) -> Layout:
    return Layout(name, frozenset(marks.split()), prompt, reading)


def _words(**words: int | str) -> Callable[[Any], int | str]:
    return partial(labelled, words={name.removeprefix("_"): value for name, value in words.items()})


ALSO: Sequence[Layout] = (
    # Stanford's SHP, PKU-SafeRLHF, AlpacaEval's and lmsys' judged outputs, StackExchange's pairs: names from memory.
    _also(
        "shp",
        "history human_ref_A human_ref_B labels",
        "history",
        Judged(("human_ref_A", "human_ref_B"), "labels", _words(_1=0, _0=1)),
    ),
    _also(
        "safe_rlhf",
        "prompt response_0 response_1 better_response_id",
        "prompt",
        Judged(("response_0", "response_1"), "better_response_id", _words(_0=0, _1=1)),
    ),
    _also(
        "alpaca_eval",
        "instruction output_1 output_2 preference",
        "instruction",
        Judged(
            ("output_1", "output_2"),
            "preference",
            partial(labelled, words={"1": 0, "1.0": 0, "2": 1, "2.0": 1, "1.5": "tie", "0": "tie", "0.0": "tie"}),
            models=("generator_1", "generator_2"),
        ),
    ),
    _also("stack_exchange", "question response_j response_k", "question", Sides(of=("response_j", "response_k"))),
)
"""Layouts of pairs that are audited beside those that ``load_pairs`` reads."""
LISTS: Mapping[str, tuple[str, Scored]] = {
    # openbmb/UltraFeedback, distilabel's and Argilla's ratings, berkeley-nest/Nectar: names from memory.
    "ultrafeedback": ("instruction", Scored("completions", "overall_score", "response", "model")),
    "distilabel": ("instruction", Scored("generations", "ratings", models="generation_models")),
    "nectar": ("prompt", Scored("answers", "rank", "answer", "model", low=True)),
}
_TEXTS = ("completion", "response", "output")
_ASKS = ("prompt", "instruction", "question")
BESIDE = frozenset({"messages", "label", "score", "truncated", *_TEXTS, *_ASKS, *FIELDS, "conversations"})
"""Columns that are read of what holds no pairs."""
COLUMNS = frozenset().union(
    *(layout.columns() for layout in (*LAYOUTS, *ALSO)),
    *({prompt, one.of, one.by, one.models} - {""} for prompt, one in LISTS.values()),
    BESIDE,
)
"""Every column that may be read."""


def taken(
    name: str, columns: Sequence[str], *, prompt: str | None = None, sides: tuple[str, str] | None = None
) -> Taken:
    """What a source with these columns is taken for. ``sides`` are the columns of chosen and rejected, and ``prompt``
    that of the prompt, where the caller says so. Raises LoadError where nothing is known, or several layouts fit.
    """
    there = set(columns)
    for one in (prompt, *(sides or ())):
        if one and one.partition(".")[0] not in there:
            raise LoadError(f"{name} has no column {one!r}; {nearest(one, columns)}")
    if sides:
        own = prompt or ("prompt" if "prompt" in there else None)
        return _of_layout(replace(PAIRS, prompt=own, reading=Sides(of=sides)))
    found = _judgments(there) or _lists(there) or _pairs(name, columns) or _single(there)
    if found is None:
        held = ", ".join(f"{column:.40}" for column in columns[:MANY]) or "no columns"
        cure = f"say where they are, by --prompt, --chosen, --rejected (it has {held})"
        raise UnknownLayout(f"{name} has no pairs, responses or prompts in a layout that is known; {cure}")
    return _asked_elsewhere(found, prompt)


def _asked_elsewhere(found: Taken, prompt: str | None) -> Taken:
    if prompt is None:
        return found
    return replace(found, prompt=prompt, pairs=found.pairs and replace(found.pairs, prompt=prompt))


def _judgments(there: set[str]) -> Taken | None:
    if "completion" in there:  # a judgment that is to be learnt
        return None
    if there >= JUDGED_PAIRS:
        return Taken("judgments", "judgments", "what judges said of pairs")
    if there >= JUDGED_SCORES:
        return Taken("judgments", "judgments", "what judges said of single responses")
    return None


def _lists(there: set[str]) -> Taken | None:
    for name, (prompt, one) in LISTS.items():
        if {prompt, one.of} <= there and (one.text or one.by in there) and not {"chosen", "rejected"} <= there:
            return Taken("pairs", name, one.told(), lists=one, prompt=prompt)
    return None


def _pairs(name: str, columns: Sequence[str]) -> Taken | None:
    """As ``load_pairs`` has it, with more layouts."""
    fits = [one for one in (*LAYOUTS, *ALSO) if one.marks <= {*columns} and not one.instead]
    best = [one for one in fits if not any(one.marks < other.marks for other in fits)]
    if len(best) > 1:
        either = " or as ".join(sorted(layout.name for layout in best))
        raise LoadError(f"{name} could be read as {either}; name its columns: --prompt, --chosen, --rejected")
    return _of_layout(best[0]) if best else None


def _of_layout(layout: Layout) -> Taken:
    return Taken("pairs", layout.name, layout.reading.told(), pairs=layout, prompt=layout.prompt)


def _single(there: set[str]) -> Taken | None:
    """What holds no pairs: unpaired responses, demonstrations, prompts."""
    ask = next((one for one in _ASKS if one in there), None)
    text = next((one for one in _TEXTS if one in there), None)
    score = "score" if "score" in there else None
    if ask and text == "completion" and "label" in there:
        return Taken("unpaired", "kto", "responses that label says are wanted or not", None, None, ask, text, "label")
    if ask and text:
        return Taken("completions", "completions", f"{text} after {ask}", None, None, ask, text, score=score)
    if "messages" in there:
        told = "conversations, of which the last turn is the response"
        return Taken("completions", "messages", told, response="messages", score=score)
    if own := next((one for one in FIELDS if one in there), None):
        return Taken("prompts", "prompts", f"prompts in {own}", prompt=own)
    return None
