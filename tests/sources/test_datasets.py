"""Dataset folders: data of the folder, and nothing else, whatever they say of themselves."""

import json
import tarfile
from pathlib import Path
from types import SimpleNamespace

import datasets
import pytest

from prefgen.errors import PrefgenError
from prefgen.sources._datasets import _found_here
from prefgen.sources._read import LoadError
from prefgen.sources.load import load

CARD = "---\nconfigs:\n- config_name: default\n  data_files: {files}\n---\n"


def folder(home: Path, files: str | None = None) -> Path:
    """A dataset folder, beside a file that is not its own."""
    made = home / "d"
    made.mkdir()
    (home / "secret.jsonl").write_text('{"prompt": "SECRET"}\n')
    (made / "train.jsonl").write_text('{"prompt": "why?"}\n')
    if files is not None:
        (made / "README.md").write_text(CARD.format(files=json.dumps(files)))
    return made


def refused(path: Path) -> str:
    with pytest.raises(PrefgenError) as caught:
        load(path)
    return str(caught.value)


@pytest.mark.parametrize("files", [None, "train.jsonl", "*.jsonl", "**"])
def test_a_folder_s_own_files_are_read(files: str | None, tmp_path: Path) -> None:
    assert load(folder(tmp_path, files)).height == 1


def test_folders_of_one_name_and_one_card_are_told_apart(tmp_path: Path) -> None:
    """As all runs' datasets are: the rows that are read are never those of another one, or of an earlier state."""
    for home in ("one", "other"):
        (tmp_path / home).mkdir()
        folder(tmp_path / home, "*.jsonl")
    (tmp_path / "other" / "d" / "train.jsonl").write_text('{"prompt": "how?"}\n{"prompt": "when?"}\n')
    assert load(tmp_path / "one" / "d")["prompt"].to_list() == [[{"role": "user", "content": "why?"}]]
    assert load(tmp_path / "other" / "d").height == 2
    (tmp_path / "one" / "d" / "more.jsonl").write_text('{"prompt": "whence?"}\n')
    assert load(tmp_path / "one" / "d").height == 2


def test_no_bar_is_drawn_and_the_setting_of_bars_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = datasets.is_progress_bar_enabled()
    datasets.enable_progress_bars()
    try:
        load(folder(tmp_path))
        assert datasets.is_progress_bar_enabled()
    finally:
        (datasets.enable_progress_bars if before else datasets.disable_progress_bars)()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("files", ["../secret.jsonl", "../*.jsonl", "ABSOLUTE", "file://ABSOLUTE"])
def test_a_folder_whose_card_names_other_files_is_refused(files: str, tmp_path: Path) -> None:
    said = refused(folder(tmp_path, files.replace("ABSOLUTE", str(tmp_path / "secret.jsonl"))))
    assert "which is not its own" in said or "cannot load the folder" in said
    assert "secret.jsonl" in said
    assert "SECRET" not in said


@pytest.mark.parametrize(
    "files",
    [
        "reference://x::ref.json",
        "zip://*.jsonl::d.zip",
        "http://127.0.0.1:9/x.jsonl",
        "hf://datasets/you/private/x.jsonl",
    ],
)
def test_a_card_that_names_other_places_is_refused(files: str, tmp_path: Path) -> None:
    assert refused(folder(tmp_path, files)).startswith(("cannot load the folder ", str(tmp_path / "d")))


def test_a_folder_within_is_read_alone_and_none_beside(tmp_path: Path) -> None:
    made = folder(tmp_path)
    (made / "preference").mkdir()
    (made / "preference" / "preference.jsonl").write_text('{"prompt": "so?"}\n{"prompt": "no?"}\n')
    assert load(made, data_dir="preference").height == 2
    assert "SECRET" not in str(load(made, data_dir="..")["prompt"].to_list())
    for outside in ("nowhere", str(tmp_path)):
        with pytest.raises(LoadError, match="cannot load the folder"):
            load(made, data_dir=outside)


def test_an_archive_of_members_is_no_table(tmp_path: Path) -> None:
    made = tmp_path / "d"
    made.mkdir()
    member = tmp_path / "0.pickle"
    member.write_bytes(b"cos\nsystem\n(S'touch PWNED'\ntR.")
    with tarfile.open(made / "train.tar", "w") as archive:
        archive.add(member, "0.pickle")
    assert "holds webdataset files; load reads arrow, csv, json, parquet, text" in refused(made)
    assert not Path("PWNED").exists()


@pytest.mark.parametrize("name", ["data.pkl", "load.py"])
def test_code_and_pickles_in_a_folder_are_not_run(name: str, tmp_path: Path) -> None:
    made = folder(tmp_path)
    (made / name).write_text(f"open({str(tmp_path / 'PWNED')!r}, 'w')")
    assert load(made).height == 1
    (made / "d.py").write_text(f"open({str(tmp_path / 'PWNED')!r}, 'w')")  # what a loading script was called
    assert "Dataset scripts are no longer supported, but found d.py" in refused(made)
    (made / "d.py").unlink()
    (made / "train.jsonl").unlink()
    refused(made)
    assert not (tmp_path / "PWNED").exists()


def test_what_was_saved_names_its_own_files_alone(tmp_path: Path) -> None:
    rows = datasets.Dataset.from_dict({"prompt": ["why?"]})
    rows.save_to_disk(tmp_path / "d")
    datasets.Dataset.from_dict({"prompt": ["SECRET"]}).save_to_disk(tmp_path / "other")
    assert load(tmp_path / "d").height == 1
    state = tmp_path / "d" / "state.json"
    said = json.loads(state.read_text())
    for name in ("../other/data-00000-of-00001.arrow", str(tmp_path / "other" / "data-00000-of-00001.arrow"), None):
        state.write_text(json.dumps({**said, "_data_files": [{"filename": name}]}))
        assert refused(tmp_path / "d") == f"{state} names files of other folders; save the dataset anew"
    several = datasets.DatasetDict({"train": rows})
    several.save_to_disk(tmp_path / "e")
    assert load(tmp_path / "e").height == 1
    (tmp_path / "e" / "dataset_dict.json").write_text('{"splits": ["../other"]}')
    assert "names files of other folders" in refused(tmp_path / "e")


@pytest.mark.parametrize(
    ("file", "is_own"),
    [
        ("hf://datasets/you/data@abc/train.jsonl", True),
        ("hf://datasets/you/data@abc/a/b/train.parquet", True),
        ("hf://datasets/you/data2@abc/train.jsonl", False),
        ("hf://datasets/you/private@abc/train.jsonl", False),
        ("hf://datasets/you/data@abc/../../private/train.jsonl", False),
        ("/home/you/secret.jsonl", False),
        ("https://evil.example/train.jsonl", False),
        ("zip://x::hf://datasets/you/data@abc/d.zip", False),
    ],
)
def test_a_dataset_on_the_hub_is_its_own_files(file: str, is_own: bool) -> None:
    kind = type("Json", (), {"__module__": "datasets.packaged_modules.json.json"})
    builder = kind()
    builder.config = SimpleNamespace(data_files={"train": [file]})
    if is_own:
        _found_here(builder, "you/data")
    else:
        with pytest.raises(LoadError, match="which is not its own; name that file yourself"):
            _found_here(builder, "you/data")
