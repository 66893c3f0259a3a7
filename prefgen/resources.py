"""Where the files beside the code are: recipes and schemas, in a wheel and in a clone."""

import shutil
from pathlib import Path

from prefgen.errors import Problem, RecipeError, RunError, nearest


def resources(kind: str, package: Path = Path(__file__).parent) -> Path:
    """The folder ``recipes`` or ``schemas``: inside the package of a wheel, beside it in a clone
    or an editable install. Raises RunError where it is in neither.
    """
    for folder in (package / kind, package.parent / kind):
        if folder.is_dir():
            return folder
    raise RunError(f"the folder {kind}/ is missing from this installation of prefgen; install it again")


def recipe(name: str) -> Path:
    """The file of a recipe that comes with prefgen; raises RecipeError where there is none of that name."""
    paths = {path.stem: path for path in resources("recipes").glob("*.yaml")}
    if name.removesuffix(".yaml") not in paths:
        raise RecipeError([Problem("", "", f"no recipe '{name}'", nearest(name, paths))])
    return paths[name.removesuffix(".yaml")]


def copy_recipe(recipe: Path, folder: Path) -> list[Path]:
    """Copies a recipe that comes with prefgen, and the data and prompt files that it reads, into a folder.
    Raises RunError where a file of that name is there already: what is yours is never overwritten.
    """
    text = recipe.read_text(encoding="utf-8")
    named = [word.strip("{},\"'") for word in text.split() if not word.startswith("#")]
    beside = sorted({recipe.parent / word for word in named if "." in word and (recipe.parent / word).is_file()})
    copies = {path: folder / path.relative_to(recipe.parent) for path in (recipe, *beside)}
    for copy in copies.values():
        if copy.exists():
            raise RunError(f"{copy} is there already; name another folder, or move it away")
    for path, copy in copies.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    schema = (resources("schemas") / "recipe.json").as_posix()
    copies[recipe].write_text(text.replace("../schemas/recipe.json", schema), encoding="utf-8")
    return list(copies.values())
