import gzip
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefgen.asker import MESSAGES, canonical
from prefgen.sources.load import LoadError, load

Rows = list[dict[str, Any]]


def jsonl(path: Path, rows: Rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def kept(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("dropped").is_null()).drop("dropped")


def texts(frame: pl.DataFrame) -> list[str]:
    return [talk[-1]["content"] for talk in kept(frame)["prompt"].to_list()]


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def says(source: Any, **settings: Any) -> str:
    with pytest.raises(LoadError) as caught:
        load(source, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- prompts and their reasons ---------------------------------------------------------------


def test_each_row_is_a_prompt_or_has_its_reason() -> None:
    rows = load([{"prompt": "a"}, {"prompt": " \n"}, {"prompt": "a"}, {"prompt": None}, {"prompt": "b"}, {"else": 1}])
    assert rows["dropped"].to_list() == [None, "empty prompt", "duplicate prompt", "empty prompt", None, "empty prompt"]
    assert rows["id"].to_list() == [rows["prompt_id"][0], "row 2", "row 3", "row 4", rows["prompt_id"][4], "row 6"]
    assert rows["prompt_id"].null_count() == 3
    assert rows.schema["prompt"] == MESSAGES


def test_the_id_is_of_the_content_alone() -> None:
    import hashlib

    rows = load([{"x": 1, "prompt": "hé"}])
    assert rows["prompt_id"][0] == hashlib.sha256(canonical([user("hé")]).encode()).hexdigest()[:16]
    assert load([{"conversations": [{"from": "human", "value": "hé"}]}], prompt="conversations")["id"][0] == rows["id"][0]


A, U, S = {"role": "assistant", "content": "a"}, user("u"), {"role": "system", "content": "s"}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([U], [U]),
        ([S, U], [S, U]),
        ([U, A, U, A, A], [U, A, U]),
        ([{"from": "system", "value": "s"}, {"from": "human", "value": "u"}, {"from": "gpt", "value": "a"}], [S, U]),
        ([{"role": "user", "content": "u", "language": "en", "turn": 1}], [U]),
        ([], "empty prompt"),
        ([user("  ")], "empty prompt"),
        ([U, A, user("")], "empty prompt"),
        ([A], "bad messages"),
        ([S], "bad messages"),
        ([S, A], "bad messages"),
        ([U, U], "bad messages"),
        ([A, U], "bad messages"),
        ([U, S, U], "bad messages"),
        ([{"role": "tool", "content": "x"}, U], "bad messages"),
        ([{"role": "user", "text": "u"}], "bad messages"),
        ([{"role": "user", "content": [{"type": "text", "text": "u"}]}], "bad messages"),
        ([None, U], "bad messages"),
        ([{}], "bad messages"),
    ],
)
def test_what_is_a_conversation(value: Any, found: Any) -> None:
    row = load([{"messages": value}], prompt="messages").row(0, named=True)
    assert (row["dropped"] or row["prompt"]) == found


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (42, "'p' holds a number (42); a prompt is text or a conversation"),
        (True, "'p' holds a boolean (True)"),
        (["one", "two"], "'p' holds a list of texts; name one of them: p.0"),
        ([["one"]], "'p' holds a list of lists; name one of them: p.0"),
        ({"question": "q", "answer": 1}, "'p' holds an object with question, answer; name one of them: p.question"),
    ],
)
def test_a_path_to_what_is_never_a_prompt(value: Any, words: str) -> None:
    message = says([{"p": "fine"}, {"p": value}], prompt="p")
    assert words in message
    assert "row 2" in message


# --- paths and kept columns -------------------------------------------------------------------

NESTED: Rows = [
    {
        "turns": ["first", "last"],
        "data": {"question": "q1"},
        "a.b": "dotted",
        "conversation": [{"content": "c0", "role": "user"}],
    },
    {"turns": [], "data": {"question": "q2"}, "a.b": "dotted too", "conversation": []},
]


@pytest.mark.parametrize("form", ["list", "frame", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("turns.0", ["first"]),
        ("turns.-1", ["last"]),
        ("data.question", ["q1", "q2"]),
        ("a.b", ["dotted", "dotted too"]),
        ("conversation.0.content", ["c0"]),
        ("conversation", ["c0"]),
    ],
)
def test_a_dotted_path(form: str, path: str, found: list[str], tmp_path: Path) -> None:
    source: Any = NESTED
    if form != "list":
        source = pl.DataFrame(NESTED)
    if form == "parquet":
        source.write_parquet(tmp_path / "x.parquet")
        source = tmp_path / "x.parquet"
    if form == "jsonl":
        source = jsonl(tmp_path / "x.jsonl", NESTED)
    assert texts(load(source, prompt=path)) == found


def test_a_path_that_leads_nowhere() -> None:
    assert says(NESTED, prompt="data.answer") == "no row of the list has 'data.answer'; 'data' holds an object with question"
    assert says(NESTED, prompt="turns.7").startswith("no row of the list has 'turns.7'; 'turns' holds a list")


def test_a_column_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "p.jsonl", [{"instruction": "x", "source": "y"}])
    assert says(file, prompt="instructions") == f"{file} has no 'instructions'; did you mean 'instruction'?"
    assert says(file) == f"{file} has no 'prompt'; choose from instruction, source"
    assert says(file, prompt="instruction", keep="sources").endswith("did you mean 'source'?")
    assert "did you mean 'source'" in says(pl.read_ndjson(file), prompt="instruction", keep="sources")


def test_kept_columns_keep_their_types(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"prompt": ["a", "b"], "n": [1, None], "when": pl.Series([0, 1], dtype=pl.Datetime), "tags": [["x"], []]}
    )
    frame.write_parquet(tmp_path / "x.parquet")
    for source in (frame, tmp_path / "x.parquet"):
        assert kept(load(source, keep=["n", "when", "tags"])).drop("prompt", "prompt_id", "id").equals(frame.drop("prompt"))


def test_keep_renames_and_reaches_into() -> None:
    rows: Rows = [{"id": 7, "prompt": "a", "meta": {"topic": "t"}}]
    assert load(rows, keep={"source_id": "id"})["source_id"].to_list() == [7]
    assert load(rows, keep="meta.topic")["topic"].to_list() == ["t"]
    assert load(rows, keep=["meta.topic", "meta"]).columns == ["prompt_id", "id", "prompt", "topic", "meta", "dropped"]


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        (["id"], "cannot keep 'id' as 'id', which prefgen makes itself; rename it: keep: {source_id: id}"),
        ({"score": "rating"}, "cannot keep 'rating' as 'score'"),
        (["a.x", "b.x"], "as 'x', which is taken twice"),
        (["turns.1"], "cannot keep 'turns.1' as '1', which is no name"),
    ],
)
def test_names_that_cannot_be_kept(keep: list[str] | Mapping[str, str], words: str) -> None:
    assert words in says([{"prompt": "a"}], keep=keep)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([1, None, 2], [1, None, 2]),
        ([1, 2.5], [1.0, 2.5]),
        ([None, None], [None, None]),
        ([1, "a", None], ["1", "a", None]),
        ([True, 1], ["true", "1"]),
        (["a", ["b"], {"c": 1}], ["a", '["b"]', '{"c": 1}']),
        ([[1], ["a"]], [["1"], ["a"]]),
        ([{"a": 1}, {"b": "x"}], [{"a": 1, "b": None}, {"a": None, "b": "x"}]),
        ([[{}, {"n": 3}], [{"r": "x"}]], [[{"n": None, "r": None}, {"n": 3, "r": None}], [{"n": None, "r": "x"}]]),
        ([{}, {}], ["{}", "{}"]),
        ([1, 2**70], ["1", str(2**70)]),
    ],
)
def test_kept_values_of_mixed_types_lose_nothing(values: list[Any], found: list[Any], tmp_path: Path) -> None:
    rows = [{"prompt": str(i), "k": value} for i, value in enumerate(values)]
    for source in (rows, jsonl(tmp_path / "x.jsonl", rows)):
        frame = load(source, keep="k")
        assert frame["k"].to_list() == found
        frame.write_parquet(tmp_path / "x.parquet")


def test_a_type_that_changes_late(tmp_path: Path) -> None:
    rows: Rows = [{"prompt": str(i), "k": i} for i in range(3000)] + [{"prompt": [user("x")], "k": "late"}]
    frame = load(jsonl(tmp_path / "x.jsonl", rows), keep="k")
    assert frame["dropped"].null_count() == 3001
    assert frame["k"].to_list()[-1] == "late"


# --- take and shuffle -------------------------------------------------------------------------

MANY: Rows = [{"prompt": text} for text in ["a", "a", "", *(f"p{i}" for i in range(50))]]


def test_take_counts_distinct_prompts_and_stops_there() -> None:
    rows = load(MANY, take=3)
    assert texts(rows) == ["a", "p0", "p1"]
    assert rows["id"].to_list()[1:3] == ["row 2", "row 3"]
    assert rows.height == 5
    assert load(MANY, take=500).equals(load(MANY))


def test_take_reads_on_where_many_rows_go() -> None:
    rows = load([*([{"prompt": "same"}] * 3000), {"prompt": "other"}], take=2)
    assert texts(rows) == ["same", "other"]


def test_shuffle_depends_on_the_seed_and_the_prompts_alone() -> None:
    def order(rows: Rows, seed: int) -> list[str]:
        return texts(load(rows, shuffle=True, seed=seed))

    assert order(MANY, 1) == order(MANY[::-1], 1)
    assert order(MANY, 1) != order(MANY, 2)
    assert sorted(order(MANY, 1)) == sorted(texts(load(MANY)))
    assert texts(load(MANY, shuffle=True, seed=1, take=5)) == order(MANY, 1)[:5]
    assert load(MANY, shuffle=True, take=1).height == 3, "the rows that go are all there"


def test_take_of_nothing() -> None:
    assert says(MANY, take=0) == "take is 0; take 1 or more, or leave it out for all"


# --- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b'\xef\xbb\xbf{"prompt": "h\xc3\xa9"}\r\n\r\n{"prompt": "two"}'),
        ("a.ndjson", b'{"prompt": "h\\u00e9"}\n{"prompt": "two"}\n\n'),
        ("a.json", b'\xef\xbb\xbf [{"prompt": "h\xc3\xa9"}, {"prompt": "two"}]'),
        ("a.json", b'{"prompt": "h\xc3\xa9"}\n{"prompt": "two"}\n'),
        ("a.csv", b'\xef\xbb\xbfprompt,n\r\nh\xc3\xa9,1\r\ntwo,2\r\n'),
        ("a.tsv", b"n\tprompt\n1\th\xc3\xa9\n2\ttwo\n"),
        ("A.CSV", b"prompt\nh\xc3\xa9\ntwo"),
    ],
)
def test_each_kind_of_file(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert texts(load(name, folder=tmp_path)) == ["hé", "two"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", b'{"prompt": "a"}\n\n{"prompt": }\n', "a.jsonl:3: not JSON: Expecting value (column 12)"),
        ("a.jsonl", b'{"prompt": "a"}\n["b"]\n', "a.jsonl:2: holds a list, not an object"),
        ("a.jsonl", b'{"prompt": "a"}\n{"prompt": "\xff"}\n', "a.jsonl:2: not UTF-8 (byte 13)"),
        ("a.jsonl", b"[" * 200_000, "a.jsonl:1: not JSON"),
        ("a.jsonl", b'{"prompt": "a", "n": ' + b"9" * 5000 + b"}", "a.jsonl:1: not JSON that can be read"),
        ("a.jsonl", b"\n\n", "a.jsonl has no rows"),
        ("a.json", b'[{"prompt": "a"},\n {"prompt": "b"]\n', "a.json:2: not JSON"),
        ("a.json", b"[1, 2]", "a.json: row 1: holds a number, not an object"),
        ("a.json", b"[]", "a.json has no rows"),
        ("a.json", b"", "a.json has no rows"),
        ("a.csv", b"", "a.csv has no rows"),
        ("a.csv", b"prompt\n", "a.csv has no rows"),
        ("a.csv", b"prompt,n\na,1,2\n", "a.csv: not CSV: found more fields"),
        ("a.csv", b"prompt,n\n\xff,1\n", "a.csv: not CSV: invalid utf-8"),
        ("a.parquet", b"not at all Parquet", "a.parquet: not Parquet"),
        ("a.txt", b"prompt", "a.txt is no kind of file that load reads; it reads .jsonl"),
    ],
)
def test_files_that_cannot_be_read(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    message = says(name, folder=tmp_path)
    assert words in message
    assert message.startswith(str(tmp_path))


def test_csv_is_text_until_every_value_is_a_number(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt,code,n,x\n12,007,1,1.5\n13,010,-2,2\n,,,\n")
    rows = load("a.csv", keep=["code", "n", "x"], folder=tmp_path)
    assert texts(rows) == ["12", "13"]
    assert rows["dropped"].to_list() == [None, None, "empty prompt"]
    assert rows.select("code", "n", "x").rows()[:2] == [("007", 1, 1.5), ("010", -2, 2.0)]


def test_half_a_surrogate_pair_and_a_nul(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(r'{"prompt": "x\ud800y", "k": {"\udfff": "\ud83d\ude00"}}' + "\n" + r'{"prompt": "a\u0000b"}')
    rows = load("a.jsonl", keep="k", folder=tmp_path)
    assert texts(rows) == ["x\ufffdy", "a\0b"]
    assert rows["k"][0] == {"\ufffd": "\N{GRINNING FACE}"}
    assert texts(load([{"prompt": "x\ud800y"}])) == ["x\ufffdy"]


def test_a_line_may_hold_other_line_breaks(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", [])
    (tmp_path / "a.jsonl").write_text('{"prompt": "a\u2028b\x85"}\n', encoding="utf-8")
    assert texts(load("a.jsonl", folder=tmp_path)) == ["a\u2028b\x85"]


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    jsonl(tmp_path / "prompts.jsonl", [])
    (tmp_path / "notes.txt").touch()
    assert says("promts.jsonl", folder=tmp_path) == f"there is no {tmp_path}/promts.jsonl; did you mean 'prompts.jsonl'?"
    assert says("other.csv", folder=tmp_path).endswith("choose from prompts.jsonl")
    assert says("data/p.jsonl", folder=tmp_path).endswith(f"there is no folder {tmp_path}/data either")
    assert says("no such thing", folder=tmp_path).startswith("there is no")
    assert "gz" in says(_zipped(tmp_path))


def _zipped(folder: Path) -> Path:
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(b'{"prompt": "a"}'))
    return folder / "a.jsonl.gz"


def test_an_empty_list_and_an_empty_frame() -> None:
    assert says([]) == "the list has no rows; give it some, one prompt each"
    empty = load(pl.DataFrame(schema={"prompt": pl.String, "topic": pl.Int8}), keep="topic")
    assert empty.schema == {
        "prompt_id": pl.String,
        "id": pl.String,
        "prompt": MESSAGES,
        "topic": pl.Int8,
        "dropped": pl.String,
    }
    assert empty.is_empty()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.fixed_dictionaries({"prompt": st.text()}, optional={"k": JSON}), min_size=1, max_size=8))
def test_any_json_is_kept_or_given_a_reason(rows: Rows) -> None:
    rows[0].setdefault("k", None)
    frame = load(rows, keep="k")
    assert frame.height == len(rows)
    assert frame["dropped"].drop_nulls().is_in(["empty prompt", "duplicate prompt"]).all()
    assert kept(frame)["prompt_id"].is_unique().all()


# --- datasets ---------------------------------------------------------------------------------

CHILD = """
import json, sys
from prefgen.sources.load import LoadError, load
try:
    rows = load(sys.argv[1], **json.loads(sys.argv[2]))
    print(json.dumps([rows["prompt"].to_list(), rows.drop("prompt", "prompt_id", "id").to_dicts()]))
except LoadError as e:
    print(json.dumps(str(e)))
"""


def through_datasets(home: Path, source: str, **settings: Any) -> Any:
    """The library reads its settings when it is imported, so each case has a process of its own."""
    away = {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    child = [sys.executable, "-W", "error", "-c", CHILD, source, json.dumps(settings)]
    done = subprocess.run(child, env=os.environ | away, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_folder_of_mixed_rows(tmp_path: Path) -> None:
    rows: Rows = [{"prompt": "hi", "k": {"a": 1}}, {"prompt": [user("ho")], "k": "x"}, {"prompt": "hi", "k": 3}]
    jsonl(tmp_path / "data" / "a.jsonl" if (tmp_path / "data").mkdir() else tmp_path / "data" / "a.jsonl", rows)
    found = [[user("hi")], [user("ho")]]
    whole = through_datasets(tmp_path, str(tmp_path / "data"), keep="k", split="train")
    assert whole[0][:2] == found
    assert [row["dropped"] for row in whole[1]] == [None, None, "duplicate prompt"]
    assert through_datasets(tmp_path, str(tmp_path / "data"), take=2)[0] == found
    assert through_datasets(tmp_path, str(tmp_path / "data"), take=1, split="train[1:]")[0] == found[1:]
    wrong = through_datasets(tmp_path, str(tmp_path / "data"), split="test")
    assert wrong == f"""cannot load the folder {tmp_path / "data"}: Unknown split "test". Should be one of ['train']."""


def test_a_dataset_on_a_hub_that_is_not_there(tmp_path: Path) -> None:
    message = through_datasets(tmp_path, "owner/name")
    assert message.startswith("cannot load owner/name (no file of that name here, so from the Hub): ")
    assert "owner/name" in message.partition(": ")[2]


def test_a_saved_dataset(tmp_path: Path) -> None:
    save = (
        "import datasets, sys;"
        "d = datasets.Dataset.from_list([{'prompt': 'hi', 'n': 1}]);"
        "d.save_to_disk(sys.argv[1] + '/one');"
        "datasets.DatasetDict({'test': d}).save_to_disk(sys.argv[1] + '/several')"
    )
    env = os.environ | {"HF_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", save, str(tmp_path)], env=env, capture_output=True, check=True)
    for name in ("one", "several"):
        found = through_datasets(tmp_path, str(tmp_path / name), keep="n", take=4, split="test")
        assert found == [[[user("hi")]], [{"n": 1, "dropped": None}]]
    assert "train" in through_datasets(tmp_path, str(tmp_path / "several"))
