"""What two folders are called, and what lies there."""

from pathlib import Path

import pytest

from prefgen.comparison.sides import LONGEST, names, opened
from prefgen.errors import RunError
from tests.comparison.planted import dataset

CASES = [
    ("runs/weak", "runs/strong", ("weak", "strong")),
    ("weak/run", "strong/run", ("weak", "strong")),
    ("a/run/dataset", "b/run", ("a", "b")),
    ("runs/x", "runs/x", ("A", "B")),
    ("runs/x/take-20", "runs/x", ("take-20", "x")),
    ("one/runs/x", "two/runs/x", ("one", "two")),
    ("runs/x", "old/runs/x", ("here", "old")),
    ("r/" + "a" * 40 + "1", "r/" + "a" * 40 + "2", (f"{'a' * 11}…{'a' * 10}1", f"{'a' * 11}…{'a' * 10}2")),
    ("r/" + "a" * 20 + "1" + "b" * 20, "r/" + "a" * 20 + "2" + "b" * 20, ("A", "B")),
]


@pytest.mark.parametrize(("a", "b", "called"), CASES)
def test_names_are_what_tells_two_folders_apart(a: str, b: str, called: tuple[str, str], tmp_path: Path) -> None:
    tmp_path /= "here"
    found = names(tmp_path / a, tmp_path / b)
    assert found == called
    assert found[0] != found[1]
    assert max(map(len, found)) <= LONGEST
    assert names(tmp_path / b, tmp_path / a) == (("A", "B") if found == ("A", "B") else found[::-1])


def test_what_is_neither_a_run_nor_a_dataset_is_told_with_a_cure(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"nothing: no such folder; name a run's folder"):
        opened(tmp_path / "nothing")
    with pytest.raises(RunError, match=r"holds no run and no dataset; name a run's folder"):
        opened(tmp_path)
    (tmp_path / "take-20").mkdir()
    (tmp_path / "take-20" / "run.json").write_text("{}")
    with pytest.raises(RunError, match=r"only pilots are here; name one, such as .*take-20$"):
        opened(tmp_path)
    for wrong in ("[]", "{}", '{"steps": 1}', '{"steps": [{"table": "x"}]}'):
        (tmp_path / "run.json").write_text(wrong)
        with pytest.raises(RunError, match=r"run\.json: is damaged; run the recipe again, which asks nothing anew"):
            opened(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"run\.json: is damaged; run the recipe again"):
        opened(tmp_path)


def test_a_dataset_whose_run_json_is_gone_is_one(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "dataset", [(1, "yes", "no")])
    assert (opened(tmp_path).pairs, opened(tmp_path).told) == (opened(folder).pairs, {})


def test_a_damaged_file_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"steps": []}')
    path = tmp_path / "dataset" / "preferences" / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(RunError, match=r"train-00000-of-00001.parquet: cannot be read; run the recipe again"):
        opened(tmp_path)


def test_a_run_that_ended_before_its_tables_has_none(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"recipe": "x", "steps": [], "status": "RunError"}')
    found = opened(tmp_path)
    assert (found.pairs, found.judgments, found.prompts, found.recipe) == ((), {}, (), None)
