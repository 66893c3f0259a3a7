"""What an edit of a recipe costs: the exact number of draws that are asked anew, of a run that was finished before.

What a provider sees decides, and which draw it is; nothing else does.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen import load, run
from prefgen.llm.request import Request
from tests.fakes import writes

pytestmark = pytest.mark.slow

RECIPE = """
recipe: edited
canaries: {share: 0}
models:
  it: {use: fake/it, temperature: 0.7}
  judge: {use: fake/it, temperature: 0.7, max_tokens: 400}
steps:
  prompts: {load: prompts.jsonl}
  responses: {answer: prompts, model: it, n: 2}
  scored: {score: responses, model: judge, n: 3}
  means: {mean: scored}
  pairs: {best_worst: means}
  orders: {both_orders: pairs}
  judgments: {compare: orders, model: judge, n: 5, stop: majority}
  agreed: {verdict_agreement: judgments}
write: {preferences: pairs, judgments: agreed}
"""
PROMPTS = [{"prompt": f"why {n}?"} for n in range(10)]
ALONE = ["steps.pairs=null", "steps.orders=null", "steps.judgments=null", "steps.agreed=null", "write={}"]
"""Ends the recipe with the means: for edits that choose other pairs, whose judgments are another matter."""
ANSWERS, SCORES = 20, 60


@dataclass(frozen=True)
class Edit:
    """An edit, by ``--set``, of the text or of the prompts; ``new`` draws are asked after it."""

    name: str
    new: int | Callable[[Path], int]
    sets: Sequence[str] = ()
    text: Callable[[str], str] = str
    prompts: Sequence[dict[str, Any]] = field(default_factory=lambda: PROMPTS)
    take: int | None = None
    files: dict[str, str] = field(default_factory=dict)


def orders(base: Path) -> int:
    return pl.read_parquet(base / "run" / "tables" / "orders.parquet").height


def asked_of_orders(base: Path) -> int:
    parts = [pl.read_parquet(base / "run" / "tables" / f"judgments{end}.parquet").height for end in ("", ".dropped")]
    return sum(parts)


def added_last(text: str) -> str:
    return text.replace("write:", "  longest: {max_length: agreed, of: response_a, at_most: 5000}\nwrite:")


def template(name: str) -> str:
    folder = Path(__file__).parent.parent / "prefgen" / "judges"
    return (folder / f"{name}.md").read_text(encoding="utf-8")


EDITS = [
    Edit("nothing", 0),
    Edit("concurrency", 0, ["models.it.concurrency=3", "models.judge.concurrency=1"]),
    Edit("timeout", 0, ["models.it.timeout=5"]),
    Edit("requests a minute", 0, ["models.it.rpm=1000000"]),
    Edit("tokens a minute", 0, ["models.judge.tpm=100000000"]),
    Edit("price", 0, ["models.it.price={input: 1, output: 2}"]),
    Edit("a variable for the key", 0, ["models.it.api_key_env=ANOTHER"]),
    Edit("another address", 0, ["models.it.base_url=http://127.0.0.1:9/v1"]),
    Edit("about", 0, ["about=another sentence"]),
    Edit("licence and language", 0, ["license=mit", "language=en"]),
    Edit("a threshold of pairs", 0, ["steps.pairs.min_gap=1.5"]),
    Edit("a threshold of agreement", 0, ["steps.agreed.share=1"]),
    Edit("another threshold of agreement", 0, ["steps.agreed.at_least=2"]),
    Edit("a threshold of means", 0, ["steps.means.at_least=2"]),
    Edit("a filter more", 0, text=added_last),
    Edit("a filter less", 0, ["steps.agreed=null", "write.judgments=judgments"]),
    Edit("the last steps away", 0, ALONE),
    Edit("another parser", 0, ["steps.judgments.reading=bracket_last"]),
    Edit("unreadable replies kept", 0, ["steps.judgments.unreadable=keep"]),
    Edit("fewer votes", 0, ["steps.judgments.n=3"]),
    Edit("fewer scores", 0, ["steps.scored.n=1", *ALONE]),
    Edit("fewer responses", 0, ["steps.responses.n=1", *ALONE]),
    Edit("fewer prompts", 0, prompts=PROMPTS[:4]),
    Edit("a pilot", 0, take=3),
    Edit("prompts in another order", 0, prompts=PROMPTS[::-1]),
    Edit("a prompt twice", 0, prompts=[*PROMPTS, PROMPTS[0]]),
    Edit("a limit of money", 0, ["max_cost=100", "models.it.max_tokens=null"]),
    Edit("a target", 0, ["target={kept: 3}"]),
    Edit("a table renamed", 0, text=lambda text: text.replace("scored", "points")),
    Edit("a model renamed", 0, text=lambda text: text.replace("judge", "critic")),
    Edit("comments and blank lines", 0, text=lambda text: "# mine\n\n" + text.replace("  means", "  # the mean\n  means")),
    Edit("the same prompt file, copied", 0, ["steps.scored.template=mine.md"], files={"mine.md": template("score")}),
    Edit("two prompts more", 4 + 12, ALONE, prompts=[*PROMPTS, {"prompt": "when?"}, {"prompt": "where?"}]),
    Edit("a prompt reworded", 2 + 6, ALONE, prompts=[*PROMPTS[:9], {"prompt": "why nine?"}]),
    Edit("a response more", 10 + 30, ["steps.responses.n=3", *ALONE]),
    Edit("a score more", 20, ["steps.scored.n=4", *ALONE]),
    Edit("no stop", lambda base: 5 * orders(base) - asked_of_orders(base), ["steps.judgments.stop=null"]),
    Edit("votes more, and no stop", lambda base: 7 * orders(base) - asked_of_orders(base), ["steps.judgments={compare: orders, model: judge, n: 7}"]),
    Edit("the judge's temperature", SCORES, ["models.judge.temperature=0.1", *ALONE]),
    Edit("the judge's length", SCORES, ["models.judge.max_tokens=500", *ALONE]),
    Edit("the judge's prompt", SCORES, ["steps.scored.template=mine.md", *ALONE], files={"mine.md": "Be just.\n\n" + template("score")}),
    Edit("the writer's temperature", ANSWERS + SCORES, ["models.it.temperature=0.1", *ALONE]),
    Edit("the seed", ANSWERS + SCORES, ["seed=1", *ALONE]),
]  # fmt: skip


def ran(folder: Path, edit: Edit) -> int:
    """Draws that the fakes were asked for."""
    asked: list[int] = []

    def counted(request: Request, seed: int) -> Any:
        asked.append(seed)
        return writes(request, seed)

    (folder / "r.yaml").write_text(edit.text(RECIPE))
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in edit.prompts))
    for name, text in edit.files.items():
        (folder / name).write_text(text)
    run(load(folder / "r.yaml", edit.sets), folder / "run", fakes={"it": counted}, take=edit.take)
    return len(asked)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    first = Edit("first", 0)
    assert ran(folder, first) > ANSWERS + SCORES
    assert ran(folder, first) == 0
    return folder


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_an_edit_costs_what_it_changes_for_the_provider_and_no_more(edit: Edit, base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "edited"
    shutil.copytree(base, folder)
    assert ran(folder, edit) == (edit.new if isinstance(edit.new, int) else edit.new(base))
