"""Where commands speak: a console on stdout or stderr, and a bar while weights come in."""

import codecs
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from prefgen.texts import plain

if TYPE_CHECKING:
    from rich.console import Console

    from prefgen.recipe import Recipe


def console(*, err: bool = False) -> "Console":
    """A console on stdout, or on stderr."""
    from rich.console import Console

    spell(sys.stderr if err else sys.stdout)
    return Console(stderr=err, highlight=False, soft_wrap=not err)


ASCII = str.maketrans("━╸─·…│●▏▎▍▌▋▊▉█▁▂▃▄▅▆▇", "=--.~|o---====#_.:-=+*")
"""What stands for signs that a terminal does not have, one for one, so that columns stay columns."""


def spell(stream: object) -> None:
    """Lets a stream of another encoding than UTF-8 write another sign for one that it lacks, instead of failing."""
    if hasattr(stream, "reconfigure") and not (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf"):
        codecs.register_error("prefgen", _spelled)
        stream.reconfigure(errors="prefgen")


def _spelled(fault: UnicodeError) -> tuple[str, int]:
    if not isinstance(fault, UnicodeEncodeError):
        raise fault
    signs = fault.object[fault.start : fault.end].translate(ASCII)
    return "".join(sign if sign.isascii() else "?" for sign in signs), fault.end


def say(screen: "Console") -> Callable[[str], None]:
    """A function that tells the user something, on stderr."""
    return lambda words: screen.print(plain(words), style="dim", markup=False, soft_wrap=True)


def pull_weights(recipe: "Recipe", screen: "Console") -> None:
    """Fetches the weights of the local models that a recipe asks, where they are not here yet."""
    from prefgen.llm import weights

    for settings in recipe.models.values():
        uses = settings.get("use")
        for use in uses if isinstance(uses, list) else [uses]:
            name = str(use).removeprefix("local/")
            if str(use).startswith("local/") and name in weights.KNOWN and not weights.find(name):
                pull(name, screen)


def pull(name: str, screen: "Console") -> Path:
    """Fetches weights, with a bar."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from prefgen.llm import weights

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(f"local/{name}", total=None)
        return weights.pull(name, say=say(screen), progress=lambda done, of: bar.update(task, completed=done, total=of))
