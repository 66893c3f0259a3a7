"""Where commands speak: a console on stdout or stderr, and a bar while weights come in."""

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

    return Console(stderr=err, highlight=False, soft_wrap=not err)


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
