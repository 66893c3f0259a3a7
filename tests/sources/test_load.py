import json
from contextlib import chdir, suppress
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefgen.asker import MESSAGES
from prefgen.rows import DROPPED
from prefgen.sources.load import LoadError, load

WHY, HOW = {"role": "user", "content": "why?"}, {"role": "user", "content": "how?"}


def kept(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col(DROPPED).is_null())


def texts(rows: pl.DataFrame) -> list[str]:
    return [prompt[-1]["content"] for prompt in kept(rows)["prompt"].to_list()]


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "parquet"])
def test_files_of_every_kind(kind: str, tmp_path: Path) -> None:
    frame, path = pl.DataFrame({"prompt": ["why?", "how?"], "topic": ["a", "b"]}), tmp_path / f"x.{kind}"
    if kind == "jsonl":
        frame.write_ndjson(path)
    elif kind == "csv":
        frame.write_csv(path)
    elif kind == "parquet":
        frame.write_parquet(path)
    else:
        path.write_text(json.dumps(frame.to_dicts()))
    rows = load(path.name, keep=["topic"], folder=tmp_path)
    assert texts(rows) == ["why?", "how?"]
    assert kept(rows)["topic"].to_list() == ["a", "b"]
    assert rows.schema["prompt"] == MESSAGES
    assert rows["id"].to_list() == rows["prompt_id"].to_list()


def test_a_path_starts_in_the_recipe_s_folder_and_else_where_the_command_runs(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder, names in ((here, ("x.jsonl", "y.jsonl")), (there, ("x.jsonl",))):
        folder.mkdir()
        for name in names:
            (folder / name).write_text(json.dumps({"prompt": folder.name}) + "\n")
    with chdir(here):
        assert texts(load("x.jsonl", folder=there)) == ["there"]
        assert texts(load("y.jsonl", folder=there)) == ["here"]


def test_a_path_leads_into_nested_columns(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"data": {"turns": ["one", "two"]}}\n{"data": {"turns": ["three"]}}\n')
    assert texts(load("x.jsonl", prompt="data.turns.0", folder=tmp_path)) == ["one", "three"]


def test_conversations_end_with_the_user() -> None:
    rows = load([{"prompt": [WHY, {"role": "assistant", "content": "so"}, HOW, {"role": "assistant", "content": "!"}]}])
    assert kept(rows)["prompt"].to_list()[0][-1] == HOW
    share = load([{"c": [{"from": "human", "value": "why?"}, {"from": "gpt", "value": "so"}]}], prompt="c")
    assert kept(share)["prompt"].to_list() == [[WHY]]


def test_rows_that_go_say_why() -> None:
    rows = load([{"prompt": p} for p in ("why?", " ", "why?", None, "how?")])
    assert texts(rows) == ["why?", "how?"]
    assert rows.filter(pl.col(DROPPED).is_not_null()).select("id", DROPPED).rows() == [
        ("row 2", "empty prompt"),
        ("row 3", "duplicate prompt"),
        ("row 4", "empty prompt"),
    ]


def test_a_pilot_is_the_beginning_of_the_whole() -> None:
    many = [{"prompt": f"number {i}"} for i in range(50)]
    for shuffle in (False, True):
        whole = texts(load(many, shuffle=shuffle, seed=3))
        assert texts(load(many, shuffle=shuffle, seed=3, take=7)) == whole[:7]
    assert texts(load(many, shuffle=True, seed=3)) != texts(load(many, shuffle=True, seed=4))


def test_errors_say_what_and_what_would_do(tmp_path: Path) -> None:
    (tmp_path / "prompts.jsonl").write_text('{"instruction": "why?"}\n')
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "bad.jsonl").write_text('{"prompt": "why?"}\n{"prompt": \n')
    for name, words in (("promts.jsonl", "prompts.jsonl"), ("empty.jsonl", "no rows"), ("bad.jsonl", "bad.jsonl:2")):
        with pytest.raises(LoadError, match=words):
            load(name, folder=tmp_path)
    with pytest.raises(LoadError, match="instruction"):
        load("prompts.jsonl", folder=tmp_path)
    with pytest.raises(LoadError, match="makes itself"):
        load([{"prompt": "why?", "score": 1}], keep=["score"])


def test_a_damaged_parquet_file_is_told_or_read_and_ends_nothing(tmp_path: Path) -> None:
    """A bit turned in a page's head made polars ask for 2**61 bytes, and the process ended."""
    path = tmp_path / "x.parquet"
    pl.DataFrame({"prompt": ["why?", "how?"], "topic": [1, 2]}).write_parquet(path, compression="uncompressed")
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with suppress(LoadError):
            assert load(path, keep=["topic"]).height == 2


def test_a_parquet_file_with_two_columns_of_one_name_is_told(tmp_path: Path) -> None:
    pq.write_table(pa.table([["a"], ["b"]], ["prompt", "prompt"]), tmp_path / "x.parquet")
    with pytest.raises(LoadError, match="two of its columns have one name"):
        load(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    "path", ["~nobody/x.jsonl", "x" * 300 + ".jsonl", "x\0.jsonl", "\ud800.jsonl", f"{'x' * 300}/y", "x" * 9_999]
)
def test_what_is_no_path_is_told(path: str, tmp_path: Path) -> None:
    with pytest.raises(LoadError):
        load(path, folder=tmp_path)


@pytest.mark.parametrize(
    ("depth", "ends"), [(8, "typed"), (200, "text"), (900, "text"), (985, "told"), (3_000, "told")]
)
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_too_deeply_for_a_type_is_text_or_told(
    depth: int, ends: str, opening: str, closing: str, tmp_path: Path
) -> None:
    """Of some hundred levels polars ended the process."""
    deep = opening * depth + "1" + closing * depth
    (tmp_path / "x.jsonl").write_text(f'{{"prompt": "why?", "more": {deep}}}\n')
    if ends == "told":
        with suppress(LoadError):
            load(tmp_path / "x.jsonl", keep=["more"])
        return
    (found,) = load(tmp_path / "x.jsonl", keep=["more"])["more"]
    assert isinstance(found, str) == (ends == "text")


def test_a_conversation_with_a_role_that_is_nested_too_deeply_is_told(tmp_path: Path) -> None:
    deep = "[" * 980 + "]" * 980
    (tmp_path / "x.jsonl").write_text(f'{{"prompt": [{{"role": {deep}, "content": "\\ud800"}}]}}\n')
    with suppress(LoadError):
        assert load(tmp_path / "x.jsonl")[DROPPED].to_list() == ["bad messages"]


FAULTS = [
    ("cut.jsonl", b'{"prompt": "a"}\n{"prompt": "b\n', r"cut\.jsonl:2: not JSON: Unterminated string .*\(column 12\)$"),
    ("open.jsonl", b'{"prompt": "a"}\n{"prompt": "b"\n{}\n', r"open\.jsonl:2: not JSON: .* delimiter \(column 15\)$"),
    ("u16.csv", "prompt\nh\u00e9\n".encode("utf-16"), r"u16\.csv: not UTF-8, but UTF-16 .*; save the file as UTF-8$"),
    (
        "latin.csv",
        "prompt\nh\nx\u00e9\n".encode("latin-1"),
        r"latin\.csv:3: not UTF-8 \(byte 2\); save the file as UTF-8$",
    ),
    (
        "many.csv",
        b'prompt,x\n"a\nb",1\nb,2,3\n',
        r"many\.csv:4: 3 fields, and the first line names 2; put texts with a ','",
    ),
    ("many.tsv", b"prompt\tx\nb\t2\t3\n", r"many\.tsv:2: 3 fields, and the first line names 2; put texts with a '\\t'"),
]


@pytest.mark.parametrize(("name", "data", "words"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_damaged_file_is_told_with_its_line(name: str, data: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(LoadError, match=words):
        load(name, folder=tmp_path)


def test_a_folder_of_no_name_and_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("steps: {}")
    with chdir(tmp_path):
        with pytest.raises(
            LoadError, match=rf"cannot load the folder {tmp_path.resolve()}: No \(supported\) data files"
        ):
            load(".")
        (tmp_path / "x.jsonl").write_text('{"prompt": "why?"}\n')
        assert texts(load(".")) == ["why?"]
    with pytest.raises(LoadError, match="/dev/null is no file and no folder; name a file of yours"):
        load("/dev/null")
