"""An audit as one file of HTML."""

from pathlib import Path

from prefgen.audit.found import Audit, not_written
from prefgen.audit.sections import sections
from prefgen.audit.told import about, counted
from prefgen.html.page import page


def made(found: Audit) -> str:
    """The page of an audit."""
    what = f"{counted(found):,} {found.taken.noun}, {about(found)}"
    return page(found.source, what, sections(found), kind="audit")


def write(found: Audit, path: Path) -> None:
    """Writes the page. Raises RunError where it cannot be written."""
    text = made(found)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as e:
        raise not_written(path, e) from e
