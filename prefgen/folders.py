"""A run's folder, and nothing else, is where a run writes."""

from pathlib import Path

from prefgen.errors import RunError


def check(home: Path, *, named: bool) -> None:
    """Raises RunError where a link in a run's folder leads what is written elsewhere: a recipe may come in a folder
    with links of its maker's. The folder itself may be one where its user ``named`` it.
    """
    links = [] if named or not home.is_symlink() else [home]
    links += [path for path in home.rglob("*") if path.is_symlink()]
    if links:
        what = f"{links[0]}: is a link, and a run writes into its own folder alone"
        raise RunError(f"{what}; take it away, or name another folder with --out")
