"""10^8 prompts on paper: what two recipes would ask, cost and leave, from what some prompts left here.

python bench/paper.py              the tables of docs/scale.md
python bench/paper.py TEXT         what a prompt leaves, measured with replies that are pieces of this file of prose
"""

import random
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent.parent))

if TYPE_CHECKING:
    from prefgen.llm.request import Request

PROMPTS, RANGE = 100_000_000, 1000
"""Prompts, and how many of them a worker makes at once."""
PROMPT, REPLY, TOKEN, SOME = 400, 1600, 4, 150
"""Characters of a prompt and of a reply; of a token, as English has them; and prompts that are measured."""
HEAD = (
    "models: {m: {use: fake/m}}\nsteps:\n  prompts: {load: prompts.jsonl}\n  responses: {answer: prompts, model: m}\n"
)
RECIPES = {
    "answer, judge": HEAD + """
  scored: {score: responses, model: m}
write: {responses: scored}
""",
    "Self-Taught": HEAD + """
  pairs: {perturb: responses, model: m}
  orders: {both_orders: pairs}
  judgments: {compare: orders, model: m, n: 15, stop: first_agreeing}
  agreed: {verdict_agreement: judgments}
  one_each: {one_of: agreed, same: [pair_id, gold]}
  balanced: {balance: one_each, by: gold}
write: {preferences: pairs, judge_sft: balanced}
""",
}  # fmt: skip
"""The shortest of judges, and Self-Taught Evaluators (arXiv:2408.02666) without its choice of prompts."""


@dataclass(frozen=True)
class Seen:
    """What one prompt asked and left, on average: calls, characters of requests and of replies, bytes."""

    calls: float
    asked: float
    said: float
    journal: float
    tables: float
    dataset: float


VERDICT = re.compile(r"on a line of its own: (\S+) if assistant A's answer is better, (\S+) if")
SCORE = re.compile(r"^(Score.*:) <total points>$", re.MULTILINE)
FORM = """[User Question Modified]
{}
[The start of Assistant's answer to the modified instruction]
{}
[The end of Assistant's answer to the modified instruction]"""
SEEN = {
    "answer, judge": Seen(2.01, 3407.04, 3225.77, 1966.08, 1708.78, 423.06),
    "Self-Taught": Seen(6.34, 22727.44, 10735.4, 6335.15, 27441.63, 4761.04),
}
"""What ``python bench/paper.py TEXT`` said."""
ONE = "openai/gpt-4.1-nano", "openai/gpt-4.1-mini", "anthropic/claude-haiku-4-5", "openai/gpt-4.1"
LIMITS = {"500 requests/s": 500, "3,000 requests/s": 3000}
CPU = {"asked the first time": 0.25e-3, "from the journal": 0.054e-3}
"""Seconds of one core for a reply (docs/speed.md)."""
UNDER_WAY = 4096, 1_000_000
"""Prompts under way at once in batches: by default, and with 15 GB of memory to hold them (docs/batch.md)."""
ROUNDS = {"answer, judge": 2.0, "Self-Taught": 2 + 8 / 3}
"""Batches, one after another, that a prompt waits for, each an hour: of two judges who are right as often as not, the
later one is right at the 8/3rd draw.
"""
TAKEN_IN = 15_000
"""Replies a second that one journal takes in."""


def needed(name: str, seen: Seen) -> Iterator[tuple[str, str]]:
    """What 10^8 prompts come to, line by line."""
    calls, tokens = seen.calls * PROMPTS, (seen.asked * PROMPTS / TOKEN, seen.said * PROMPTS / TOKEN)
    yield "calls", f"{calls / 1e6:,.0f} million"
    yield "tokens of requests; of replies", "; ".join(f"{number / 1e9:,.0f} billion" for number in tokens)
    for model in ONE:
        dollars = price(model, *tokens)
        yield f"dollars, all by `{model}`; in batches", f"{dollars:,.0f}; {dollars / 2:,.0f}"
    for limit, rate in LIMITS.items():
        yield f"at {limit}", hours(calls / rate)
    for many in UNDER_WAY:
        yield f"in batches of an hour, {many:,} prompts under way", hours(PROMPTS / many * ROUNDS[name] * 3600)
    for what, seconds in CPU.items():
        yield f"one core, every reply {what}", hours(calls * seconds)
    yield f"the journal, at {TAKEN_IN:,} replies/s taken in", f"{terabytes(seen.journal)}, {hours(calls / TAKEN_IN)}"
    yield "all tables", terabytes(seen.tables)
    yield "the dataset", terabytes(seen.dataset)
    yield "ranges: products, and segments at least", f"{PROMPTS / RANGE:,.0f}"


def price(name: str, read: float, written: float) -> float:
    """Dollars for so many tokens, at the list prices that prefgen knows."""
    from prefgen.llm.prices import price_of
    from prefgen.llm.request import Model

    found = price_of(Model(name), own=True)
    if not found:
        raise KeyError(name)
    return float(read * found["input"] + written * found["output"]) / 1e6


def hours(seconds: float) -> str:
    """Hours, or days where they are many."""
    return f"{seconds / 3600:,.1f} hours" if seconds < 172_800 else f"{seconds / 86_400:,.1f} days"


def terabytes(each: float) -> str:
    """Of all prompts."""
    return f"{each * PROMPTS / 1e12:,.2f} TB"


def lines() -> Iterator[str]:
    """The table of docs/scale.md."""
    columns = {name: dict(needed(name, seen)) for name, seen in SEEN.items()}
    yield f"| 10^8 prompts | {' | '.join(columns)} |"
    yield f"| --- |{' ---: |' * len(columns)}"
    for what in next(iter(columns.values())):
        yield f"| {what} | {' | '.join(column[what] for column in columns.values())} |"


# --- what a prompt leaves -------------------------------------------------------------------


def measured(name: str, text: str) -> Seen:
    """What each prompt more comes to: files have a beginning and an end that many prompts share."""
    few, more = (run(name, text, prompts) for prompts in (SOME, 2 * SOME))
    return Seen(*(round((b - a) / SOME, 2) for a, b in zip(few, more, strict=True)))


def run(name: str, text: str, prompts: int) -> list[float]:
    """A recipe over some prompts, all of whose texts are pieces of one, none twice where it is long enough."""
    import json

    import prefgen
    from prefgen.recipe import load

    counted, place = {"calls": 0, "asked": 0, "said": 0}, [0]

    def piece(size: int) -> str:
        start = place[0]
        place[0] = (start + size) % (len(text) - size)
        return text[start : start + size]

    with TemporaryDirectory() as folder:
        home = Path(folder)
        rows = [{"prompt": f"{n} {piece(PROMPT)}"} for n in range(prompts)]
        (home / "prompts.jsonl").write_text("\n".join(map(json.dumps, rows)))
        (home / "r.yaml").write_text(f"recipe: paper\n{RECIPES[name]}")
        prefgen.run(load(home / "r.yaml"), home / "run", fakes={"m": writer(piece, counted)})
        sizes = [size(home / "run", which) for which in ("journal.sqlite*", "tables/*.parquet", "dataset/*/*.parquet")]
    return [*counted.values(), *sizes]


def writer(piece: Callable[[int], str], counted: dict[str, int]) -> "Callable[[Request, int], str]":
    """Replies of pieces, in the forms that are asked for; judges are right as often as not."""

    def said(asked: str, seed: int) -> str:
        chance = random.Random(seed)
        if found := VERDICT.search(asked):
            return f"{piece(REPLY)}\n\n{found[1 + chance.randrange(2)]}"
        if found := SCORE.search(asked):
            return f"{piece(REPLY)}\n\n{found[1]} {chance.randrange(5)}"
        return FORM.format(piece(PROMPT), piece(REPLY)) if FORM[:24] in asked else piece(REPLY)

    def write(request: "Request", seed: int) -> str:
        asked = "\n".join(str(turn["content"]) for turn in request.messages)
        reply = said(asked, seed)
        for what, number in (("calls", 1), ("asked", len(asked)), ("said", len(reply))):
            counted[what] += number
        return reply

    return write


def size(folder: Path, which: str) -> int:
    """Bytes of some files."""
    return sum(path.stat().st_size for path in folder.glob(which))


if __name__ == "__main__":
    if sys.argv[1:]:
        prose = " ".join(Path(sys.argv[1]).read_text(encoding="utf-8").split())
        for recipe in RECIPES:
            print(recipe, measured(recipe, prose))
    else:
        print("\n".join(lines()))
