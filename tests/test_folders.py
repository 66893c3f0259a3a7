"""Where a run writes is its own: links there are seen, what else lies there is let alone, and nothing of it replaced."""

import json
from pathlib import Path

import pytest

from prefgen import Recipe, do, folders, run
from prefgen.errors import RunError
from tests.fakes import writes

RECIPE = Recipe(
    name="r",
    models={"m": {"use": "fake/m"}},
    steps={
        "prompts": do("load", [{"prompt": f"q {n}"} for n in range(4)]),
        "responses": do("answer", "prompts", model="m", n=2),
        "pairs": do("perturb", "responses", model="m"),
    },
    write={"preferences": "pairs"},
)


def test_all_that_a_run_writes_is_looked_at(tmp_path: Path) -> None:
    run(RECIPE, tmp_path, fakes={"m": writes}, take=2)
    run(RECIPE, tmp_path, fakes={"m": writes})
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(folders.OWN)] == []


def test_links_of_others_in_a_folder_lead_no_run_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for name in ("link", "mine/link"):
        (tmp_path / name).symlink_to("/")
    run(RECIPE, tmp_path, fakes={"m": writes})
    for name in ("tables/link", "take-2", ".dataset.new", "journal.sqlite-wal"):
        (tmp_path / name).symlink_to(tmp_path / "mine")
        with pytest.raises(RunError, match=rf"{name}: is a link, .*; take it away, or name another folder with --out"):
            run(RECIPE, tmp_path, fakes={"m": writes})
        (tmp_path / name).unlink()


@pytest.mark.parametrize("name", ["dataset", "tables"])
def test_what_is_no_run_s_is_not_replaced(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.jsonl").write_text(json.dumps({"prompt": "mine"}))
    with pytest.raises(RunError, match=rf"{name}: is no run's, and a run would take its place; name another folder"):
        run(RECIPE, tmp_path, fakes={"m": writes})
    assert [path.name for path in tmp_path.rglob("*")] == [name, "mine.jsonl"]
