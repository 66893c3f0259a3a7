import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen.filters import decontaminate

QUESTION = "A train leaves the town at nine and another one follows it at ten on the same line when do they meet"


def prompts(*texts: str) -> pl.DataFrame:
    ids = [f"p{i}" for i in range(len(texts))]
    return pl.DataFrame({"prompt_id": ids, "id": ids, "prompt": texts})


def benchmark(folder: Path, name: str = "bench.jsonl", field: str = "question") -> Path:
    path, texts = folder / name, ["What is the capital of France today?", QUESTION]
    rows = [{field: text, "other": "x"} for text in texts]
    frame = pl.DataFrame(rows)
    match path.suffix:
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        case ".json":
            path.write_text(json.dumps(rows))
        case ".parquet":
            frame.write_parquet(path)
        case ".csv":
            frame.write_csv(path)
        case _:
            path.write_text("\n".join(texts))
    return path


def found(rows: pl.DataFrame, **settings: Any) -> list[tuple[str | None, str | None]]:
    verb: Any = decontaminate
    return list(verb.marked(rows, **settings).select("dropped", "detail").rows())


@pytest.mark.parametrize("name", ["bench.jsonl", "bench.json", "bench.parquet", "bench.csv", "bench.txt"])
def test_a_run_of_words_and_a_short_prompt_are_found(name: str, tmp_path: Path) -> None:
    path = benchmark(tmp_path, name)
    rows = prompts(
        f"Please solve this. {QUESTION}?", "what is the capital of france today", "What is a capital letter?"
    )
    hits = found(rows, against=path)
    assert hits[0][0] == hits[1][0] == f"in {name}"
    assert (hits[0][1] or "").startswith("prompt 2: a train leaves the town")
    assert hits[1][1] == "prompt 1: alike by 1.00"
    assert hits[2] == (None, None)
    assert decontaminate(rows, against=path)["id"].to_list() == ["p2"]


def test_the_run_is_13_words_long(tmp_path: Path) -> None:
    path, words = benchmark(tmp_path), QUESTION.split()
    rows = prompts(" ".join(["so", *words[:13], "it is"]), " ".join(["so", *words[:12], "it is " * 12]))
    assert [reason for reason, _ in found(rows, against=path)] == ["in bench.jsonl", None]
    assert decontaminate(rows, against=path, ngram=12).is_empty()


def test_several_benchmarks_and_a_named_field(tmp_path: Path) -> None:
    paths = [benchmark(tmp_path, "a.jsonl", "ask"), benchmark(tmp_path, "b.jsonl", "ask")]
    rows = prompts(QUESTION, "Something else altogether.")
    assert [reason for reason, _ in found(rows, against=paths, field="ask")] == ["in a.jsonl", None]
    with pytest.raises(ValueError, match=r"field must name where a\.jsonl has its prompts; its rows have ask, other"):
        decontaminate(rows, against=paths)


def test_a_benchmark_of_conversations_and_of_turns(tmp_path: Path) -> None:
    path = tmp_path / "talks.jsonl"
    talk = {"prompt": [{"role": "user", "content": QUESTION}]}
    turns = {"prompt": ["Name one large river of Asia.", "And where does it end?"]}
    path.write_text(f"{json.dumps(talk)}\n{json.dumps(turns)}\n")
    rows = prompts(QUESTION, "Name one large river of Asia. And where does it end?")
    assert decontaminate(rows, against=path).is_empty()


def test_files_may_be_named_by_text(tmp_path: Path) -> None:
    verb: Any = decontaminate
    path = str(benchmark(tmp_path))
    for against in (path, [path], (path,)):
        assert verb(prompts(QUESTION, "Sing."), against=against)["id"].to_list() == ["p1"]


def test_a_setting_that_is_not_there_is_asked_of_the_filter() -> None:
    verb: Any = decontaminate
    with pytest.raises(
        TypeError, match=r"^decontaminate needs the setting against; write decontaminate\(rows, against"
    ):
        verb(prompts("a"))
    with pytest.raises(TypeError, match=r"^decontaminate has no setting 'agianst'; did you mean 'against'\?"):
        verb.marked(prompts("a"), agianst="p.jsonl")


def test_prompts_may_be_conversations(tmp_path: Path) -> None:
    talks = [[{"role": "user", "content": QUESTION}], [{"role": "user", "content": "Sing."}]]
    rows = prompts("a", "b").with_columns(prompt=pl.Series(talks))
    assert decontaminate(rows, against=benchmark(tmp_path))["id"].to_list() == ["p1"]


@pytest.mark.parametrize("name", ["none.jsonl", "broken.jsonl", "broken.json"])
def test_a_file_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    if name.startswith("broken"):
        (tmp_path / name).write_text("{")
    with pytest.raises(ValueError, match="against must be files that can be read"):
        decontaminate(prompts("a"), against=tmp_path / name)


def test_a_benchmark_without_prompts(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("")
    with pytest.raises(ValueError, match="files with prompts in them"):
        decontaminate(prompts("a"), against=tmp_path / "none.jsonl")


def test_what_makes_no_sense(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ngram must be 1 or more"):
        decontaminate(prompts("a"), against=benchmark(tmp_path), ngram=0)
