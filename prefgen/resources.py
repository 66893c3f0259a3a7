"""Where the files beside the code are: recipes and schemas, in a wheel and in a clone."""

from collections.abc import Collection, Mapping
from pathlib import Path

from prefgen.errors import Problem, RecipeError, RunError, nearest
from prefgen.recipe import load


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


SCHEMA = "../schemas/recipe.json", "schemas/recipe.json"
"""Where a shipped recipe looks for the schema by which editors check it, and where a copy does."""


def copy_recipe(path: Path, folder: Path) -> list[Path]:
    """Copies a recipe that comes with prefgen into a folder, with the data and prompt files that it reads and the
    schema by which editors check it. Raises RunError where another file of that name is there already: what is yours
    is never overwritten; and where the folder cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder}: is a file; name a folder to copy into")
    text = path.read_text(encoding="utf-8").replace(*SCHEMA)
    return laid({folder / path.name: text.encode(), **read_by(path, folder), **schema(folder)})


def read_by(path: Path, folder: Path) -> dict[Path, bytes]:
    """The files beside a shipped recipe that it reads, where they are to lie in another folder."""
    return {folder / file.relative_to(path.parent): file.read_bytes() for file in _read_by(path)}


def schema(folder: Path) -> dict[Path, bytes]:
    """The schema of recipes, where recipes of a folder look for it."""
    return {folder / SCHEMA[1]: (resources("schemas") / "recipe.json").read_bytes()}


def laid(files: Mapping[Path, bytes], over: Collection[Path] = ()) -> list[Path]:
    """Writes files. Raises RunError where another one is there already, but for those it may write ``over``; and where
    the folder cannot be written.
    """
    new: dict[Path, bytes] = {}
    try:
        for path, data in files.items():
            there = path.exists()
            if there and path not in over and path.read_bytes() != data:
                raise RunError(f"{path} is there already, and is another; name another folder, or move it away")
            new |= {} if there and path.read_bytes() == data else {path: data}
        for path, data in new.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as e:
        raise RunError(f"{e.filename}: {e.strerror}; name a folder that you may write into") from e
    return list(files)


def _read_by(path: Path) -> list[Path]:
    """The files beside a recipe that its steps name, and the notices that go with them."""
    named = {
        str(value)
        for step in load(path).steps.values()
        for value in (step.input, *step.settings.values())
        if isinstance(value, str)
    }
    files = {path.parent / name for name in named if (path.parent / name).is_file()}
    return sorted(files | {file.parent / "README.md" for file in files if (file.parent / "README.md").is_file()})
