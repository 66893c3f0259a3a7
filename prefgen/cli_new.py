"""The command that writes a recipe: from options, or from a few questions where somebody sits at a terminal."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from prefgen.errors import Problem, RecipeError
from prefgen.terminal import console, say
from prefgen.texts import plain


def new(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The recipe's own name.")] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", "--paper", help="One that comes with prefgen, by its name or its paper.")
    ] = None,
    model: Annotated[list[str], typer.Option("--model", help="Who writes: openai/gpt-4.1-mini.")] = [],  # noqa: B006
    judge: Annotated[list[str], typer.Option("--judge", help="Who judges.  [default: who writes]")] = [],  # noqa: B006
    data: Annotated[
        str | None, typer.Option("--data", help="A file, a folder, owner/name on the Hub, or: sample.")
    ] = None,
    column: Annotated[str | None, typer.Option("--column", help="Where the prompt is.  [default: guessed]")] = None,
    base_url: Annotated[str | None, typer.Option("--base-url", help="Ask the models there.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The file to write.  [default: NAME.yaml]")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a recipe of your own: a paper's, with your models and your data, commented and checked."""
    from prefgen import new as newly
    from prefgen.new.asking import Asking, Given

    asked = {"--recipe": recipe, "--model": model, "--data": data}
    missing = [option for option, given in asked.items() if not given]
    if missing and not sys.stdin.isatty():
        what, cure = f"{' and '.join(missing)} missing", "without a terminal there is nobody to ask"
        raise RecipeError([Problem("prefgen new", "", what, cure)])
    given = Given(name, recipe, model, judge, data, column, base_url, out, force)
    answers = Asking(console(err=True)).answers(given) if missing else given.answers()
    made = newly.made(answers, given.path(answers), say(console(err=True)))
    for file in newly.written(made, force=force):
        print(file)
    for line in newly.told(made):
        print(plain(line), file=sys.stderr)
