"""Commands that show what there is: recipes, verbs, local models."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from prefgen.errors import Problem, RecipeError, nearest
from prefgen.terminal import console, pull
from prefgen.texts import plain

recipes_app = typer.Typer(help="The recipes that come with prefgen: list, show, copy.")
verbs_app = typer.Typer(help="The verbs of recipes: list, show.")
models_app = typer.Typer(help="Local models: list, pull.")


def lists(group: typer.Typer) -> Callable[[Callable[[], None]], None]:
    """Makes a function both `prefgen recipes list` and `prefgen recipes`."""

    def of(show: Callable[[], None]) -> None:
        group.command("list")(show)

        @group.callback(invoke_without_command=True)
        def alone(context: typer.Context) -> None:
            if context.invoked_subcommand is None:
                show()

    return of


@lists(recipes_app)
def recipes_list() -> None:
    """The recipes that come with prefgen."""
    from prefgen.recipe import load
    from prefgen.resources import resources

    for path in sorted(resources("recipes").glob("*.yaml")):
        found = load(path)
        print(f"{path.stem:28} {found.paper or '-':18} {found.about}")


@recipes_app.command("show")
def recipes_show(name: str) -> None:
    """Print a recipe."""
    from prefgen import resources

    print(resources.recipe(name).read_text(encoding="utf-8"), end="")


@recipes_app.command("copy")
def recipes_copy(name: str, folder: Annotated[Path, typer.Argument(help="Where to.")] = Path()) -> None:
    """Copy a recipe, and the data that it reads, into a folder of yours."""
    from prefgen import resources

    for path in resources.copy_recipe(resources.recipe(name), folder):
        print(path)


@lists(verbs_app)
def verbs_list() -> None:
    """Every verb that a recipe can use here, by the folder it stands in."""
    from prefgen import schema, verbs

    for room, names in verbs.rooms().items():
        if names:
            print(room)
        for name in names:
            print(f"  {name:20} {plain(schema.sentence(schema.summary_of(name)))}")
    print("stops")
    for name in verbs.files("stops"):
        print(f"  {name:20} {schema.sentence(schema.summary(verbs.find_stop(name)))}")


@verbs_app.command("show")
def verbs_show(name: str) -> None:
    """What a verb, or a stop, does, and its settings."""
    from prefgen import verbs
    from prefgen.shown import page, stop_page

    pages = [page(verbs.find(name))] if name in verbs.names() else []
    if name in verbs.files("stops"):
        pages.append(f"stop: {name}\n\n{stop_page(verbs.find_stop(name))}")
    if not pages:
        known = [*verbs.names(), *verbs.files("stops")]
        raise RecipeError([Problem("", "", f"no verb '{name}'", nearest(name, known))])
    print("\n\n".join(pages))


@lists(models_app)
def models_list() -> None:
    """Local models that prefgen knows by name, and where their weights lie."""
    from prefgen.llm import weights

    for name in weights.KNOWN:
        print(f"local/{name:24} {weights.find(name) or 'not here yet: prefgen models pull ' + name}")


@models_app.command("pull")
def models_pull(name: Annotated[str, typer.Argument()] = "smollm2-135m") -> None:
    """Fetch a local model's weights, check them, and keep them in the cache folder."""
    print(pull(name.removeprefix("local/"), console(err=True)))
