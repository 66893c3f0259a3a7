"""A run is shown on a terminal in lines that stay in their place, and in a log by a line now and then."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pytest
from rich.console import Console, ConsoleDimensions, Group
from rich.text import Text

from prefgen import Recipe, do, run
from prefgen.live.watch import EVERY, FIRST, Watch, _Live, is_live, taken
from prefgen.progress import Progress
from prefgen.verbs import answer, load
from tests.servers import OpenAIServer
from tests.test_recipes import FAKES, on_fakes

ROOT = Path(__file__).parent.parent.parent


class Rounds(threading.Event):
    """Waits are over at once, and remembered; in ``busy`` ones there is news. The watch is over after so many."""

    def __init__(self, rounds: int, progress: Progress, busy: Sequence[int] = ()) -> None:
        super().__init__()
        self.rounds, self.progress, self.busy, self.waits = rounds, progress, busy, list[float | None]()

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        if (number := len(self.waits)) in self.busy:
            self.progress.waits = lambda: [f"batch {number}"]
        return number > self.rounds


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    """That of a run that is over."""
    (tmp_path / "p.jsonl").write_text('{"prompt": "one question"}')
    steps = {"prompts": do(load, str(tmp_path / "p.jsonl")), "responses": do(answer, "prompts", model="m")}
    recipe = Recipe(name="few", models={"m": {"use": "fake/m"}}, steps=steps, write={"responses": "responses"})
    found = Progress()
    run(recipe, tmp_path / "run", fakes={"m": lambda _, seed: "so"}, progress=found)
    return found


def logged(
    progress: Progress, rounds: int, busy: Sequence[int] = (), *, began: float = 0.0
) -> tuple[list[str], list[float | None]]:
    """The lines of a log, and how long was waited for each, of a run that has news in some rounds."""
    seen = io.StringIO()
    watch = Watch(progress, Console(file=seen, width=20))
    watch.began -= began
    watch.over = over = Rounds(rounds, progress, busy)
    with watch:
        pass
    return seen.getvalue().splitlines(), over.waits


def test_a_log_has_a_line_where_there_is_news_and_no_control_codes(progress: Progress) -> None:
    lines, waits = logged(progress, 6, busy=(2, 5))
    told = "00:00 · 1 of 1 prompts · responses 1 row 1 call · batch"
    assert lines == ["few: 1 prompt, 2 steps; asks fake/m for responses", f"{told} 2", f"{told} 5"]
    assert waits == [EVERY] * 7


def test_a_log_begins_with_the_prompts_of_its_sources_whatever_is_under_way(tmp_path: Path) -> None:
    done = Progress()
    run(on_fakes("best-of-n"), tmp_path, fakes=FAKES, take=12, progress=done)
    assert done.prompts < 12  # those of the last part
    assert logged(done, 0)[0][0].startswith("best-of-n: 12 prompts, ")
    done.finished.clear()
    assert taken(done) is None


def test_a_log_has_ever_fewer_lines_the_longer_a_run_takes(progress: Progress) -> None:
    assert logged(progress, 2, began=1000)[1][1] == pytest.approx(50, abs=1)
    assert logged(progress, 2, began=100_000)[1][1] == 300


def test_a_run_of_which_nothing_is_known_yet_is_waited_for() -> None:
    assert logged(Progress(), 3) == ([], [FIRST] * 4)


@pytest.mark.parametrize("live", [True, False])
def test_a_fault_of_the_run_passes_and_the_watch_ends(live: bool) -> None:
    seen = io.StringIO()
    console = Console(file=seen, force_terminal=live, width=40)
    with pytest.raises(ZeroDivisionError), Watch(Progress(), console, live=live):
        raise ZeroDivisionError
    assert "progress" not in {thread.name for thread in threading.enumerate()}
    text = seen.getvalue()
    assert (text.count("\x1b[?25l"), text.count("\x1b[?25h")) == (live, live)
    assert "starting" in text if live else text == ""


def test_lines_stay_in_their_place_only_on_a_terminal_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert not is_live(Console(file=io.StringIO()))  # a log in colours
    closed = io.StringIO()
    closed.close()
    assert not is_live(Console(file=closed, force_terminal=True))
    with terminal() as (_, tty):
        assert is_live(Console(file=tty))
        monkeypatch.setenv("TERM", "dumb")
        assert not is_live(Console(file=tty))


def test_where_a_terminal_has_become_narrower_the_lines_before_go_whole() -> None:
    seen = io.StringIO()
    console = Console(file=seen, force_terminal=True, width=40, height=10, color_system=None)
    lines = Group(Text("a" * 38), Text("b"), Text())
    with _Live(console, lambda: lines) as live:
        live.refresh()
        console.size = ConsoleDimensions(10, 10)
        before = len(seen.getvalue())
        live.refresh()
        up = seen.getvalue()[before:].split("a")[0].count("\x1b[1A")
    assert up == (4 + 1 + 1) - 1  # 38 cells stand on four lines of ten


# --- a real run on a real terminal ----------------------------------------------------------

WAYS: dict[str, tuple[list[str], dict[str, str]]] = {
    "plain": ([], {}),
    "quiet": (["--quiet"], {}),
    "dumb": ([], {"TERM": "dumb"}),
    "old": ([], {"NO_COLOR": "1", "PYTHONIOENCODING": "ascii"}),
}


@contextmanager
def terminal(columns: int = 80, lines: int = 24) -> Iterator[tuple[int, TextIO]]:
    """A terminal: what is written to the second can be read from the first."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    with os.fdopen(theirs, "w") as tty:
        yield ours, tty
    os.close(ours)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """All that the same run writes to a terminal, in each way."""
    folders = {name: tmp_path_factory.mktemp(name) for name in WAYS}
    with OpenAIServer(lambda _: "An answer.", latency=0.6) as server, ThreadPoolExecutor(len(WAYS)) as pool:
        found = {name: pool.submit(on_a_terminal, server, folders[name], *WAYS[name]) for name in WAYS}
        yield {name: future.result() for name, future in found.items()}


def on_a_terminal(server: OpenAIServer, folder: Path, words: Sequence[str], more: Mapping[str, str]) -> str:
    """All that a run writes to its terminal."""
    (folder / "p.jsonl").write_text("\n".join(f'{{"prompt": "question {n}"}}' for n in range(24)))
    (folder / "r.yaml").write_text(
        "recipe: shown\nmodels:\n  m: {use: openai/m, concurrency: 6}\nsteps:\n  prompts: {load: p.jsonl}\n"
        "  responses: {answer: prompts, model: m}\nwrite: {responses: responses}\n"
    )
    own = {"PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "none", "TERM": "xterm-256color", "NO_COLOR": "", **more}
    command = [sys.executable, str(ROOT / "cli.py"), "run", "r.yaml", "--set", f"models.m.base_url={server.base_url}"]
    with terminal() as (ours, tty):
        child = subprocess.Popen([*command, *words], cwd=folder, env={**os.environ, **own}, stdout=tty, stderr=tty)
        tty.close()
        return read(ours, child)


def read(ours: int, child: "subprocess.Popen[Any]") -> str:
    found = b""
    try:
        while chunk := os.read(ours, 65536):
            found += chunk
    except OSError:  # nobody writes there any more
        pass
    assert child.wait() == 0, found
    return found.decode()


SUMMARY = r"step +in +out +lost, and why\r\nprompts +24 +24\r\nresponses +24 +24\r\n"
CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def test_a_run_shows_bars_and_then_its_summary(texts: Mapping[str, str]) -> None:
    before, after = texts["plain"].split("\x1b[?25h")
    plain = CODES.sub("", before)
    assert re.search(r"responses  [━╸─]+ +\d+% +\d+ +\d+ ", plain)
    assert re.search(r"6 of 6 in flight · \d+ wait: all 6 places are taken", plain)
    assert re.match(r"\r" + SUMMARY, CODES.sub("", after))
    moves = {code for code in CODES.findall(before) if not code.endswith("m")}
    assert moves == {"\x1b[?25l", "\x1b[1A", "\x1b[2K"}


def test_a_quiet_run_shows_its_summary_alone(texts: Mapping[str, str]) -> None:
    assert re.match(SUMMARY, CODES.sub("", texts["quiet"]))


def test_a_terminal_that_cannot_move_its_cursor_has_lines(texts: Mapping[str, str]) -> None:
    assert "\x1b" not in texts["dumb"]
    first = "shown: 24 prompts, 2 steps; asks openai/m for responses\r\n"
    assert re.match(f"{first}{SUMMARY}", texts["dumb"])


def test_a_terminal_without_colours_and_signs_has_others(texts: Mapping[str, str]) -> None:
    assert texts["old"].isascii()
    assert re.search(r"responses  =+-* +\d+% ", CODES.sub("", texts["old"]))
    coloured = re.compile(r"\x1b\[[\d;]*[39]\dm")
    assert coloured.search(texts["plain"])
    assert not coloured.search(texts["old"])


def test_the_clock_goes_on() -> None:
    watch = Watch(Progress(), Console(file=io.StringIO()))
    assert 0 <= watch.now().seconds <= time.monotonic() - watch.began
