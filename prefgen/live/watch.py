"""Shows a run while it goes: on a terminal a few lines that stay in their place, elsewhere a line now and then."""

import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import IO, Self

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.control import Control
from rich.live import Live
from rich.live_render import LiveRender
from rich.segment import ControlType, Segment

from prefgen.live.frame import frame
from prefgen.live.moment import Moment, moment, under_way
from prefgen.live.past import Past
from prefgen.live.words import first, line, news
from prefgen.phrases import clock
from prefgen.planned import Planned
from prefgen.progress import Progress

FRAMES = 0.4
"""Seconds between two frames."""
FIRST, EVERY, RARER, RAREST = 1.0, 15.0, 0.05, 300.0
"""Of a log: seconds until its first line, then between two, or this share of what has passed, up to the last."""
STILL = 60.0
"""Seconds without news after which a line of a log says so; the next one when it has been twice as long."""


class Watch:
    """Shows a run's progress on a console until the block ends. ``live`` says whether that is a terminal on which
    lines can stay in their place, as it is found out by default.
    """

    def __init__(self, progress: Progress, console: Console, *, live: bool | None = None) -> None:
        self.progress, self.console = progress, console
        self.live = is_live(console) if live is None else live
        self.began, self.past = time.monotonic(), Past()
        self.over = threading.Event()
        self._thread = threading.Thread(target=self._frames if self.live else self._log, name="progress", daemon=True)
        self._still = _Live(console, self._frame) if self.live else None

    def __enter__(self) -> Self:
        if self._still:
            self._still.start()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.over.set()
        self._thread.join()
        if self._still:
            self._still.stop()

    def now(self) -> Moment:
        """The run at this moment."""
        return moment(self.progress, self.past, time.monotonic(), self.began)

    # --- on a terminal ---

    def _frame(self) -> Group:
        size, colour = self.console.size, self.console.color_system is not None and not self.console.no_color
        return Group(*frame(self.now(), max(1, size.width - 1), max(1, size.height - 1), colour=colour))

    def _frames(self) -> None:
        while self._still and not self.over.wait(FRAMES):
            self._still.refresh()

    # --- in a log ---

    def _log(self) -> None:
        """What will be asked; then how far it is, ever more seldom, where there is news of it."""
        now = self.now()
        while not now.prompts:
            if self.over.wait(FIRST):
                return
            now = self.now()
        self._say(first(now, asking(self.progress), taken(self.progress)))
        before, since, still = news(now), time.monotonic(), STILL
        while not self.over.wait(min(RAREST, max(EVERY, RARER * (time.monotonic() - self.began)))):
            now = self.now()
            if news(now) != before:
                self._say(line(now))
                before, since, still = news(now), time.monotonic(), STILL
            elif (quiet := time.monotonic() - since) >= still:
                self._say(f"{line(now)} · nothing new for {clock(quiet)}")
                still *= 2

    def _say(self, words: str) -> None:
        self.console.print(words, markup=False, highlight=False, soft_wrap=True)


def is_live(console: Console) -> bool:
    """Whether lines can stay in their place here: on a terminal that knows how, and not where colours are forced on a
    log.
    """
    return console.is_interactive and not console.legacy_windows and _is_terminal(console.file)


def _is_terminal(file: IO[str]) -> bool:
    try:
        return file.isatty()
    except ValueError:  # it is closed
        return False


def asking(progress: Progress) -> dict[str, list[str]]:
    """The models that each step asks."""
    steps = _steps(progress)
    return {table: [model.use for model in step.models] for table, step in steps.items() if step.asker}


def taken(progress: Progress) -> int | None:
    """The prompts that the sources gave; None where not all of them are known. Those that are under way now may be
    fewer: what is made of a whole table has its own.
    """
    known = dict(under_way(progress).finished)
    sources = [table for table, step in _steps(progress).items() if step.source is not None]
    return sum(known[table].prompts for table in sources) if sources and known.keys() >= {*sources} else None


def _steps(progress: Progress) -> Mapping[str, Planned]:
    at = under_way(progress)
    return at.plan.steps if at.plan else {}


# --- lines that stay in their place ---------------------------------------------------------


class _Over(LiveRender):
    """Lines that are written over the last ones, which may stand on more lines now: the terminal may be narrower."""

    def __init__(self, console: Console) -> None:
        super().__init__("")
        self.console, self._widths = console, list[int]()

    def _height(self) -> int:
        width = max(1, self.console.width)
        return sum(max(1, -(-cells // width)) for cells in self._widths)

    def position_cursor(self) -> Control:
        """Goes back to the first of the last lines, and takes all of them away."""
        return Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *_UP * (self._height() - 1))

    def restore_cursor(self) -> Control:
        """The same, from the line below."""
        return Control(ControlType.CARRIAGE_RETURN, *_UP * self._height())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self.renderable, options, pad=False)
        self._widths = [Segment.get_line_length(one) for one in lines]
        self._shape = Segment.get_shape(lines)
        for number, one in enumerate(lines):
            yield from [Segment.line()] if number else []
            yield from one


_UP = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2))


class _Live(Live):
    def __init__(self, console: Console, get: Callable[[], Group]) -> None:
        super().__init__(console=console, get_renderable=get, auto_refresh=False, transient=True)
        self._live_render = _Over(console)
