"""Where the files beside the code are: recipes and schemas, in a wheel and in a clone."""

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


def copy_recipe(path: Path, folder: Path) -> list[Path]:
    """Copies a recipe that comes with prefgen into a folder, with the data and prompt files that it reads and the
    schema by which editors check it. Raises RunError where another file of that name is there already: what is yours
    is never overwritten; and where the folder cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder}: is a file; name a folder to copy into")
    try:
        return _copied(path, folder)
    except OSError as e:
        raise RunError(f"{e.filename or folder}: {e.strerror}; name a folder that you may write into") from e


def _copied(path: Path, folder: Path) -> list[Path]:
    text = path.read_text(encoding="utf-8").replace("../schemas/recipe.json", "schemas/recipe.json")
    copies = {folder / path.name: text.encode()}
    copies |= {folder / file.relative_to(path.parent): file.read_bytes() for file in _read_by(path)}
    copies[folder / "schemas" / "recipe.json"] = (resources("schemas") / "recipe.json").read_bytes()
    new = {copy: data for copy, data in copies.items() if not (copy.exists() and copy.read_bytes() == data)}
    for copy in new:
        if copy.exists():
            raise RunError(f"{copy} is there already, and is another; name another folder, or move it away")
    for copy, data in new.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(data)
    return list(copies)


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
