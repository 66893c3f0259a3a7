"""Whatever comes to hand: prompts that ship, published layouts, formats, and what shipped recipes make."""

import json
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from rich.console import Console

from prefgen.audit import Asked, Audit, audit
from prefgen.audit.page import made
from prefgen.audit.taken import UnknownLayout
from prefgen.display_audit import bar, interval, show, sparkline
from prefgen.terminal import spell
from tests import test_recipes as recipes
from tests.formats import samples
from tests.layouts import NO_PAIRS, SAMPLES
from tests.shipped import Shipped

SHIPPED = sorted((recipes.ROOT / "recipes" / "data").glob("*.jsonl"))


def looked(source: Path) -> Audit:
    """An audit that was told in every way, on a narrow screen too."""
    found = audit(Asked(str(source)), charts=True)
    for width in (80, 120):
        console = Console(width=width, record=True, file=None, quiet=True)
        show(found, console)
    assert json.loads(json.dumps(found.told()))["taken"]["kind"] == found.taken.kind
    return found


def counts(found: Audit) -> dict[str, int]:
    return {one["name"]: one["count"] for one in found.findings if one["count"]}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_prompts_that_ship(path: Path) -> None:
    found, rows = looked(path), sum(1 for line in path.read_text().splitlines() if line.strip())
    assert found.parts[0]["rows"] == rows
    prompts = [json.loads(line)["prompt"] for line in path.read_text().splitlines()]
    assert counts(found).get("prompts_repeated", 0) == rows - len(set(prompts))
    assert counts(found).get("shipped_prompts", 0) == (rows if path.stem == "prompts" else 0)


@pytest.mark.parametrize(
    "sample", [*((one.layout, one.rows) for one in SAMPLES), *NO_PAIRS.items()], ids=lambda one: one[0]
)
def test_published_layouts(sample: tuple[str, list[dict[str, object]]], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in sample[1]))
    assert looked(path).parts[0]["rows"] == len(sample[1])


@pytest.mark.parametrize("config", ["preferences", "judge_sft"])
def test_configs_of_every_shape(config: str, tmp_path: Path) -> None:
    rows = {"preferences": samples.pairs, "judge_sft": samples.judge_sft}[config]()
    found = looked(samples.written(tmp_path, config, rows) / "dataset")
    assert found.taken.kind == {"preferences": "pairs", "judge_sft": "completions"}[config]
    assert found.parts[0] | {"prompts": 0} == {"split": "train", "rows": 6, "pairs": 6, "prompts": 0, "unread": {}}


FAST = ("quickstart", "rewardbench")


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[] if one in FAST else pytest.mark.slow) for one in recipes.NAMES]
)
def test_what_shipped_recipes_make(name: str, shipped: Shipped) -> None:
    folder = shipped.folder(name)
    if name == "rewardbench-2":  # numbers alone
        with pytest.raises(UnknownLayout, match="it has kind, name, score"):
            audit(Asked(str(folder)))
        return
    found = looked(folder)
    told = json.loads((folder / "run.json").read_text())
    assert found.parts[0]["rows"] == told["dataset"][found.dataset.config]["train"]
    assert made(found).startswith("<!doctype html>")


# --- pictures of text -----------------------------------------------------------------------


def test_bars() -> None:
    assert [bar(share, 4) for share in (0, 0.001, 0.25, 0.5, 0.97, 1)] == ["", "▏", "█", "██", "███▉", "████"]


def test_sparklines() -> None:
    assert sparkline([0, 1, 4, 8]) == " ▁▄█"
    assert sparkline([]) == ""


def test_intervals() -> None:
    assert interval({"low": 0.0, "value": 0.5, "high": 1.0}, 9) == "────●────"
    assert interval({"low": 0.7, "value": 0.8, "high": 0.85}, 9) == "····│·─●·"


def test_a_narrow_terminal_without_the_signs_has_all_of_it(tmp_path: Path) -> None:
    path, bytes_ = tmp_path / "rows.jsonl", BytesIO()
    row = {"prompt": "Say why.", "chosen": "So it is.", "rejected": "It is so, as they say."}
    path.write_text(
        "".join(f"{json.dumps(one)}\n" for one in (row, {**row, "chosen": None}, {**row, "rejected": None}))
    )
    with TextIOWrapper(bytes_, encoding="ascii", write_through=True) as screen:
        spell(screen)
        show(audit(Asked(str(path))), Console(file=screen, width=50, force_terminal=True, color_system=None))
        shown = bytes_.getvalue().decode("ascii")
    assert "the first of them" in shown
    assert "?" not in shown
    assert "; but chosen is null (1 row), and 1 problem more" in shown
