"""A dataset that grows: what is there stays byte for byte, what comes is beside it, and every row is counted."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from prefgen import configs, dataset
from prefgen.append import _with_texts, append
from prefgen.card import card
from prefgen.card.front import size
from prefgen.errors import RunError
from prefgen.filters._shingles import jaccard, ngrams, words
from prefgen.grown import Appended, lines
from prefgen.recipe import Recipe
from prefgen.splits import THRESHOLD, Splits, assigned
from tests.commands import commanded

SHARES = {"test": 0.3}
LOADS = """
import json, sys
from datasets import get_dataset_split_names, load_dataset
folder = sys.argv[1]
found = {c: {s: load_dataset(folder, c, split=s)["pair_id"][:] for s in get_dataset_split_names(folder, c)} for c in sys.argv[2:]}
print(json.dumps(found))
"""


def window(start: int) -> str:
    """Twenty words in a row: one step on is near, three steps on is not."""
    return " ".join(f"w{n}" for n in range(start, start + 20))


def pairs(prompts: Sequence[str], answer: str = "yes", each: int = 1) -> pl.DataFrame:
    return pl.DataFrame([pair(prompt, n, answer) for prompt in prompts for n in range(each)])


def pair(prompt: str, number: int, answer: str) -> dict[str, Any]:
    name = hashlib.sha256(prompt.encode()).hexdigest()[:16]
    made = {f"{side}_{what}": "x" for side in ("chosen", "rejected") for what in ("model", "reply")}
    texts = {"chosen": f"{answer} {number}", "rejected": "no"}
    return {
        "prompt_id": name,
        "id": f"{name}.{number}",
        "prompt": [{"role": "user", "content": prompt}],
        **texts,
        **made,
    }


def written(folder: Path, rows: pl.DataFrame, shares: Mapping[str, float] = SHARES, **more: Any) -> Path:
    made = configs.preferences(rows)
    prompts = rows.unique("prompt_id", keep="first", maintain_order=True)
    splits = Splits(shares, assigned(prompts, shares)) if shares else None
    recipe = Recipe(name="mine", steps={}, license="mit")
    readme = lambda of: card(recipe, "recipe: mine", of, [])  # noqa: E731
    dataset.write(folder, {"preferences": made}, splits=splits, readme=readme, **more)
    return folder


def found(folder: Path, config: str = "preferences") -> list[tuple[str, str, str]]:
    """Every row's split, id and chosen answer, in the order of the files' names."""
    rows = []
    for path in sorted((folder / config).glob("*.parquet")):
        for row in pl.read_parquet(path).iter_rows(named=True):
            said = row["chosen"] if isinstance(row["chosen"], str) else row["chosen"][-1]["content"]
            rows.append((path.name.split("-")[0], row["pair_id"], said))
    return rows


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


OLD, NEW = [f"what is {n}, and why?" for n in range(30)], [f"who was {n}, and when?" for n in range(20)]


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, Path]:
    return written(tmp_path / "older", pairs(OLD)), written(tmp_path / "newer", pairs([*OLD[25:], *NEW]))


def test_files_that_are_there_stay_and_new_ones_are_numbered_on(both: tuple[Path, Path], tmp_path: Path) -> None:
    came = append(*both, tmp_path / "out")
    before, after = contents(both[0]), contents(tmp_path / "out")
    assert {name: after[name] for name in before if name != "README.md"} == {
        name: text for name, text in before.items() if name != "README.md"
    }
    new = sorted(path.removesuffix(".parquet") for path in after.keys() - before.keys())
    assert new == [
        f"{config}/{split}-00001-of-00002"
        for config in ("preferences", "preferences_text")
        for split in ("test", "train")
    ]
    assert came.added == {"preferences": 20, "preferences_text": 20}
    assert came.known == {"preferences": 5, "preferences_text": 5}
    assert came.changed == came.left_out == {}
    assert {row[1] for row in found(tmp_path / "out")} == {row[1] for of in both for row in found(of)}
    assert len(found(tmp_path / "out")) == 50


def test_a_third_run_goes_on_and_a_repetition_adds_nothing(both: tuple[Path, Path], tmp_path: Path) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    append(*both, once)
    again = append(once, both[1], twice)
    assert contents(twice) == contents(once)
    assert again.added == {}
    third = written(tmp_path / "third", pairs([f"where is {n}, if anywhere?" for n in range(20)]), shard_bytes=1)
    append(once, third, once, shard_bytes=1)
    names = [path.name for path in sorted((once / "preferences").glob("train-*"))]
    assert names == [f"train-{n:05d}-of-{n + 1:05d}.parquet" for n in range(3)]


def test_the_same_folders_give_the_same_bytes(both: tuple[Path, Path], tmp_path: Path) -> None:
    append(*both, tmp_path / "a")
    append(*both, tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_datasets_loads_every_split_in_order_and_the_card_says_what_is_there(
    both: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    came = append(*both, out)
    cache = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    command = [sys.executable, "-c", LOADS, str(out), "preferences", "preferences_text"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **cache}, check=True)
    loaded = json.loads(done.stdout.splitlines()[-1])
    for config in ("preferences", "preferences_text"):
        assert list(loaded[config]) == ["train", "test"]
        for split, ids in loaded[config].items():
            assert ids == [row[1] for row in found(out, config) if row[0] == split]
            assert came.rows[config][split] == len(ids)
    text = (out / "README.md").read_text()
    front = YAML(typ="safe", pure=True).load(text.split("---\n")[1])
    assert front["size_categories"] == ["n<1K"]
    assert front["license"] == "mit"
    assert [one["config_name"] for one in front["configs"] if one.get("default")] == ["preferences"]
    assert front["configs"][1]["data_files"][1] == {"split": "test", "path": "preferences_text/test-*.parquet"}
    assert text.count("\n# mine\n\nThis dataset has grown.") == 1
    assert f"- `preferences`: {came.rows['preferences']['train']} in `train`," in text


# --- rows that are there --------------------------------------------------------------------


def test_a_changed_row_is_told_and_kept_or_replaced(tmp_path: Path) -> None:
    older = written(tmp_path / "older", pairs(OLD), {}, shard_bytes=1)
    newer = written(tmp_path / "newer", pairs([*OLD[:3], *NEW[:2]], "better"), {})
    kept = append(older, newer, tmp_path / "kept")
    assert kept.changed == {"preferences": 3, "preferences_text": 3}
    assert [row[2] for row in found(tmp_path / "kept")] == ["yes 0"] * 30 + ["better 0"] * 2
    assert any("there with other content, kept as they were" in line for line in lines(kept))
    replaced = append(older, newer, tmp_path / "replaced", replace=True)
    assert [row[2] for row in found(tmp_path / "replaced")] == ["yes 0"] * 27 + ["better 0"] * 5
    assert replaced.rows["preferences"] == {"train": 32}
    assert any("replaced by the newer" in line for line in lines(replaced))


def test_replacing_writes_only_those_files_anew_that_held_the_row(tmp_path: Path) -> None:
    rows = pairs(["a prompt"], each=2500)
    older = written(tmp_path / "older", rows, {}, shard_bytes=1)
    other = rows.with_columns(
        chosen=pl.when(pl.col("id").str.ends_with(".1500")).then(pl.lit("so")).otherwise("chosen")
    )
    append(older, written(tmp_path / "newer", other, {}), tmp_path / "out", replace=True)
    before, after = contents(older / "preferences"), contents(tmp_path / "out" / "preferences")
    same = [name for name in before if after.get(name) == before[name]]
    assert sorted(same) == [name for name in sorted(before) if "00001" not in name.split("-of-")[0]]
    assert len(after) == len(before) + 1
    assert len(found(tmp_path / "out")) == 2500


def test_a_file_that_lost_all_its_rows_is_gone(tmp_path: Path) -> None:
    older = written(tmp_path / "older", pairs(OLD), {})
    append(older, written(tmp_path / "newer", pairs(OLD, "better"), {}), tmp_path / "out", replace=True)
    assert [path.name for path in (tmp_path / "out" / "preferences").iterdir()] == ["train-00001-of-00002.parquet"]
    assert {row[2] for row in found(tmp_path / "out")} == {"better 0"}


# --- splits ---------------------------------------------------------------------------------

WINDOWS = st.lists(st.integers(0, 12), max_size=10, unique=True)


@settings(deadline=None, max_examples=8)
@given(old=WINDOWS.filter(bool), new=WINDOWS.filter(bool))
def test_prompts_keep_their_split_and_no_near_duplicates_are_in_two(
    tmp_path_factory: pytest.TempPathFactory, old: list[int], new: list[int]
) -> None:
    """Windows of words, one step apart or none: near ones everywhere, and chains of them."""
    home = tmp_path_factory.mktemp("grown")
    older, newer = (written(home / name, pairs([window(n) for n in of])) for name, of in (("o", old), ("n", new)))
    came = append(older, newer, home / "out")
    split = {name: of for of, name, _ in found(home / "out")}
    assert {name: split[name] for _, name, _ in found(older)} == {name: of for of, name, _ in found(older)}
    texts = {pairs([window(n)])["id"][0]: window(n) for n in {*old, *new}}
    for one, of in split.items():
        for other, its in split.items():
            alike = jaccard(ngrams(words(texts[one]), 3), ngrams(words(texts[other]), 3))
            assert of == its or alike <= THRESHOLD
    counted = sum(sum(getattr(came, what).values()) for what in ("added", "known", "left_out"))
    assert counted == len(found(newer)) + len(found(newer, "preferences_text"))
    assert len(found(home / "out")) == len(found(older)) + came.added.get("preferences", 0)


def test_a_new_prompt_near_two_splits_is_left_out_and_counted(tmp_path: Path) -> None:
    texts = [window(n) for n in range(0, 400, 4)]
    split = dict(zip(texts, assigned(pairs(texts), SHARES)["split"], strict=True))
    at = next(n for n in range(0, 396, 4) if split[window(n)] != split[window(n + 4)])
    older = written(tmp_path / "older", pairs([window(at), window(at + 4)]))
    newer = written(tmp_path / "newer", pairs([window(at + 2), *NEW]))
    came = append(older, newer, tmp_path / "out")
    assert came.left_out == {"preferences": 1, "preferences_text": 1}
    assert "left out (near-duplicate of prompts in two splits): preferences 1, preferences_text 1" in lines(came)


# --- what cannot be -------------------------------------------------------------------------


def test_what_is_no_dataset_of_ours_is_told_in_one_line_and_nothing_is_written(
    both: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="no dataset is here; name a folder of one"):
        append(tmp_path / "empty", both[1], tmp_path / "out")
    strange = both[0] / "preferences" / "part.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(strange)
    with pytest.raises(RunError, match="is not named as prefgen names"):
        append(*both, tmp_path / "out")
    strange.rename(strange.with_name("train-00007-of-00008.parquet"))
    with pytest.raises(RunError, match=r"was written with other columns than now \(a, chosen, "):
        append(*both, tmp_path / "out")
    strange.with_name("train-00007-of-00008.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(RunError, match="cannot be read; fetch it again"):
        append(*both, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_file_is_read_or_told_of(both: tuple[Path, Path], tmp_path: Path) -> None:
    """Cut short or with a bit turned, in the columns' names too."""
    path, chance, told = both[0] / "preferences" / "train-00000-of-00001.parquet", Random(3), 0
    whole = path.read_bytes()
    for place in [whole.rindex(b"prompt_id"), *(chance.randrange(len(whole)) for _ in range(20))]:
        turned = bytearray(whole)
        turned[place] ^= 1 << 7
        for damaged in (bytes(turned), whole[:place]):
            path.write_bytes(damaged)
            try:
                append(*both, tmp_path / "out")
            except RunError as e:
                told += str(e).startswith(str(path))
    assert told > 30


def test_pictures_come_along_and_what_is_hidden_does_not(both: tuple[Path, Path], tmp_path: Path) -> None:
    for folder, name in zip(both, ("old", "new"), strict=True):
        (folder / "pictures").mkdir()
        (folder / "pictures" / "same.png").write_text(name)
        (folder / "pictures" / f"{name}.png").write_text(name)
        (folder / ".cache").mkdir()
        (folder / ".cache" / "x").write_text("x")
    append(*both, tmp_path / "out")
    pictures = {path.name: path.read_text() for path in (tmp_path / "out" / "pictures").iterdir()}
    assert pictures == {"same.png": "new", "old.png": "old", "new.png": "new"}
    assert not (tmp_path / "out" / ".cache").exists()


def test_a_prompt_of_which_only_the_newer_dataset_has_the_text_keeps_its_near_duplicates(tmp_path: Path) -> None:
    older = pl.DataFrame(
        [{"prompt_id": "p", "split": "test", "prompt": ""}, {"prompt_id": "q", "split": "train", "prompt": "own"}]
    )
    newer = {"preferences": {"train": [tmp_path / "preferences" / "train-00000-of-00001.parquet"]}}
    dataset.write(
        tmp_path, {"preferences": configs.preferences(pairs([window(0)]).with_columns(prompt_id=pl.lit("p")))}
    )
    told = _with_texts(older, newer)
    assert told["prompt_id"].to_list() == ["p", "q"]
    assert told["split"].to_list() == ["test", "train"]
    assert (window(0) in told["prompt"][0], told["prompt"][1]) == (True, "own")


@pytest.mark.parametrize("name", ["journal.sqlite", "thesis.txt", ".git"])
def test_nothing_is_deleted_that_no_dataset_holds(name: str, both: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(RunError, match=f"holds {name}, which this would delete; name another folder with --out"):
        append(*both, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="is no folder"):
        append(*both, tmp_path / "file")


def test_the_folder_one_is_in_is_not_replaced(
    both: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(RunError, match="is the folder that you are in"):
        append(*both, Path())


def test_rows_under_another_licence_are_not_put_under_one(both: tuple[Path, Path], tmp_path: Path) -> None:
    card_of = both[1] / "README.md"
    card_of.write_text(card_of.read_text().replace('license: "mit"', 'license: "cc-by-nc-4.0"'))
    with pytest.raises(RunError, match=r"are under mit, those of the second run under cc-by-nc-4\.0; run it with"):
        append(*both, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_has_grown_twice_says_so_once(both: tuple[Path, Path], tmp_path: Path) -> None:
    append(*both, tmp_path / "grown")
    append(written(tmp_path / "other", pairs([window(900)])), tmp_path / "grown", tmp_path / "whole")
    text = (tmp_path / "whole" / "README.md").read_text()
    (line,) = re.findall(r"^- `preferences`: (.*)", text, re.MULTILINE)
    assert text.count("This dataset has grown.") == 1
    assert sum(map(int, re.findall(r"\d+", line))) == len(found(tmp_path / "whole"))


def test_the_command(both: tuple[Path, Path], tmp_path: Path) -> None:
    asked = ["append", *map(str, both), "--out"]
    (code, said, _), (_, told, _), wrong = commanded(
        [(tmp_path, line) for line in ([*asked, "a"], [*asked, "b", "--json"], ["append", "no", "no", "--out", "c"])]
    )
    assert code == 0
    assert said.splitlines()[:2] == [
        "added: preferences 20, preferences_text 20",
        "there already: preferences 5, preferences_text 5",
    ]
    assert Appended(**json.loads(told)).added == {"preferences": 20, "preferences_text": 20}
    assert wrong[0] == 1
    assert wrong[2].startswith("error: no: no dataset is here; name a folder of one")


@pytest.mark.parametrize(
    ("rows", "words"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**12, "n>1T")]
)
def test_sizes_are_the_hub_s(rows: int, words: str) -> None:
    assert size(rows) == words
