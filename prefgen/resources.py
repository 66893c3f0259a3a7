"""Where the files beside the code are: recipes and schemas, in a wheel and in a clone."""

from pathlib import Path

from prefgen.errors import RunError


def resources(kind: str, package: Path = Path(__file__).parent) -> Path:
    """The folder ``recipes`` or ``schemas``: inside the package of a wheel, beside it in a clone
    or an editable install. Raises RunError where it is in neither.
    """
    for folder in (package / kind, package.parent / kind):
        if folder.is_dir():
            return folder
    raise RunError(f"the folder {kind}/ is missing from this installation of prefgen; install it again")
