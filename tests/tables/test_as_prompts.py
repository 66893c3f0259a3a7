from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen.sources.load import load
from prefgen.tables.as_prompts import as_prompts


def written(*texts: str | None) -> pl.DataFrame:
    rows = [{"prompt_id": "s", "id": f"s.{i}", "instruction": t, "shots": ["x"], "instruction_model": "m"}
            for i, t in enumerate(texts)]  # fmt: skip
    schema: Any = {"prompt_id": pl.String, "id": pl.String, "instruction": pl.String, "shots": pl.List(pl.String)}
    return pl.DataFrame(rows, schema={**schema, "instruction_model": pl.String})


def test_texts_become_prompts() -> None:
    made = as_prompts(written(" Why? ", "How?"))
    assert made.columns == ["prompt_id", "id", "prompt", "instruction_model"]
    assert made["prompt"].to_list() == [[{"role": "user", "content": text}] for text in ("Why?", "How?")]
    assert made["id"].equals(made["prompt_id"].alias("id"))


def test_their_ids_are_those_of_loaded_prompts(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"prompt": "Why?"}\n{"prompt": "How, \\u00fcber all?"}\n')
    loaded = load(tmp_path / "p.jsonl")
    assert as_prompts(written("Why?", "How, über all?"))["prompt_id"].to_list() == loaded["prompt_id"].to_list()


@pytest.mark.parametrize(
    ("texts", "reasons"),
    [
        (("a", "b"), [None, None]),
        (("a", " a\n", "A"), [None, "duplicate prompt", None]),
        ((None, "", "  "), ["empty prompt"] * 3),
    ],
)
def test_each_reason(texts: tuple[str | None, ...], reasons: list[str | None]) -> None:
    assert as_prompts.marked(written(*texts))["dropped"].to_list() == reasons


def test_another_column() -> None:
    assert as_prompts(written("a").rename({"instruction": "ask"}), of="ask")["prompt"].len() == 1


def test_none_of_nothing() -> None:
    assert as_prompts(written()).schema == as_prompts(written("a")).schema
