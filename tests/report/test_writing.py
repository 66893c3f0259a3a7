"""The report as a file: whole or not at all, at the end of every run, and by its command."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from typer.testing import CliRunner

from prefgen import Recipe, do, run
from prefgen.cli import app
from prefgen.errors import RunError
from prefgen.report import NAME, figures, write
from prefgen.report.shown import BYTES, PAIRS, shown
from prefgen.verbs import answer
from prefgen.verbs import load as load_prompts
from tests.report.conftest import Runs


def rows_of(page: str) -> Any:
    """The pairs that stand in a page."""
    start = page.index('id="rows"')
    text = page[page.index(">", start) + 1 : page.index("</script>", start)]
    return json.loads(text)


def copied(runs: Runs, name: str, to: Path) -> Path:
    return Path(copytree(runs(name).folder, to / name))


def test_a_run_ends_with_its_report(runs: Runs) -> None:
    done = runs("judged")
    assert done.report == done.folder / NAME
    page = done.report.read_text(encoding="utf-8")
    assert page.count("<section") >= 8
    assert "Both have their merits &lt;script&gt;" in page


def test_it_carries_the_pairs_themselves(runs: Runs) -> None:
    done = runs("judged")
    found = rows_of(done.report.read_text(encoding="utf-8"))
    assert (found["of"], found["shown"], len(found["rows"])) == (60, 60, 60)
    assert {row["state"] for row in found["rows"]} == {"kept"}
    assert found["facets"]["categories"]["coding"] == 30
    assert all(row["judgments"] for row in found["rows"])


def test_the_same_run_has_the_same_report(runs: Runs, tmp_path: Path) -> None:
    place = copied(runs, "scored", tmp_path)
    before = (place / NAME).read_bytes()
    (place / NAME).unlink()
    assert write(place) == place / NAME
    assert (place / NAME).read_bytes() == before


def test_of_many_long_pairs_some_are_shown_and_the_page_stays_small(tmp_path: Path) -> None:
    """Every text is cut, and rows are drawn by the seed until they are so many bytes."""
    long = "<" * 1100
    prompts = tmp_path / "p.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": f"{i} {long}"}) + "\n" for i in range(400)))
    from prefgen.judges.score import score
    from prefgen.pairs.best_worst import best_worst
    from prefgen.scores.mean import mean

    steps = {
        "prompts": do(load_prompts, prompts),
        "responses": do(answer, "prompts", model="m", n=2),
        "judgments": do(score, "responses", model="j", guard=False),
        "scores": do(mean, "judgments"),
        "pairs": do(best_worst, "scores"),
    }
    models = {"m": {"use": "fake/m"}, "j": {"use": "fake/j"}}
    fakes = {"m": lambda _, seed: f"{seed} {long}", "j": lambda _, seed: f"So.\n\nScore: {seed % 6}"}
    recipe = Recipe(name="long", models=models, steps=steps, canaries={"share": 0}, write={"preferences": "pairs"})
    done = run(recipe, tmp_path / "run", fakes=fakes)
    page = done.report.read_text(encoding="utf-8")
    found = rows_of(page)
    assert found["shown"] < found["of"]
    assert found["shown"] <= PAIRS
    assert found["cut_at"] == 500
    assert BYTES * 0.5 < len(page.encode()) < BYTES + 500_000


class Uneven:
    """Pairs of which those that are tried are short, and the others long."""

    total = 2000

    def sample(self, rows: int, seed: int, characters: int) -> dict[str, Any]:
        texts = ["short" if n < 50 else "x" * characters for n in range(rows)]
        return {"rows": texts, "of": self.total, "shown": rows, "cut_at": characters}

    def facets(self) -> dict[str, Any]:
        return {"categories": {str(n): 1 for n in range(999)}, "reasons": {}}


def test_pairs_that_are_longer_than_those_that_were_tried_leave_others_out() -> None:
    found = shown(Uneven(), 0) or {}
    size = sum(map(len, found["rows"]))
    assert BYTES / 2 < size < BYTES
    assert found["shown"] < 1000
    assert len(found["facets"]["categories"]) == 200


# --- what goes wrong ------------------------------------------------------------------------


@contextmanager
def full(most: int) -> Iterator[None]:
    """No file of this process can be longer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_what_was_there(runs: Runs, tmp_path: Path) -> None:
    place = copied(runs, "jury", tmp_path)
    (place / NAME).write_text("an older one")
    with full(20_000), pytest.raises(RunError, match=r"report\.html: File too large; make room"):
        write(place)
    assert (place / NAME).read_text() == "an older one"
    assert not list(place.glob("*.partial"))


def test_what_cannot_be_written_nor_taken_away_is_told_in_a_line(runs: Runs, tmp_path: Path) -> None:
    """As on a file system that is read only: a folder stands where the file would be."""
    place = copied(runs, "jury", tmp_path)
    (place / f".{NAME}.partial").mkdir()
    with pytest.raises(RunError, match=r"report\.html: Is a directory; make room"):
        write(place)


def light(folder: Path) -> Recipe:
    (folder / "p.jsonl").write_text('{"prompt": "a question"}\n')
    steps = {"prompts": do(load_prompts, folder / "p.jsonl"), "responses": do(answer, "prompts", model="m")}
    return Recipe(name="light", models={"m": {"use": "fake/m"}}, steps=steps, write={"responses": "responses"})


def test_a_report_that_cannot_be_written_is_told_and_loses_nothing(tmp_path: Path) -> None:
    """A folder stands where it would be: the run is finished all the same."""
    (tmp_path / "run" / NAME / "something").mkdir(parents=True)
    said: list[str] = []
    done = run(light(tmp_path), tmp_path / "run", fakes={"m": lambda *_: "so"}, say=said.append)
    assert done.configs == {"responses": {"train": 1}}
    assert json.loads((done.folder / "run.json").read_text())["status"] == "finished"
    (told,) = [line for line in said if line.startswith("note: no report was written (RunError: ")]
    assert told.endswith(f"`prefgen report {done.folder}` tries again")
    assert "\n" not in told


def test_run_json_is_there_before_the_report(tmp_path: Path) -> None:
    """A report says what run.json says: of the second run, not of the first."""
    for seconds in (1, 2):
        done = run(light(tmp_path), tmp_path / "run", fakes={"m": lambda *_: "so"})
        assert figures(done.folder)["run"]["status"] == "finished"
        assert done.report.stat().st_mtime_ns >= (done.folder / "run.json").stat().st_mtime_ns, seconds


def test_a_link_in_its_place_is_not_followed(runs: Runs, tmp_path: Path) -> None:
    place, outside = copied(runs, "jury", tmp_path), tmp_path / "outside"
    outside.write_text("mine")
    (place / f".{NAME}.partial").symlink_to(outside)
    with pytest.raises(RunError, match="is a link"):
        write(place)
    assert outside.read_text() == "mine"


# --- the command ----------------------------------------------------------------------------


def test_the_command_writes_it_and_says_what_matters(runs: Runs, tmp_path: Path) -> None:
    place = copied(runs, "judged", tmp_path)
    (place / NAME).unlink()
    done = CliRunner().invoke(app, ["report", str(place)])
    assert done.exit_code == 0
    told = done.stdout.splitlines()
    assert told[0].startswith("pairs kept: 60 (")
    assert told[-1] == str(place / NAME)
    assert (place / NAME).exists()


def test_the_command_prints_its_figures_and_writes_nothing(runs: Runs, tmp_path: Path) -> None:
    place = copied(runs, "judged", tmp_path)
    (place / NAME).unlink()
    done = CliRunner().invoke(app, ["report", str(place), "--json"])
    assert json.loads(done.stdout) == json.loads(json.dumps(figures(place)))
    assert not (place / NAME).exists()


def test_no_run_is_told_in_a_line(tmp_path: Path) -> None:
    code = "import sys; sys.argv = ['prefgen', 'report', 'nothing']\nfrom prefgen.cli import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: nothing: no run is here; name a run's folder, such as runs/quickstart\n"
