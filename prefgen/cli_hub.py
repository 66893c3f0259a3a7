"""`prefgen push`, and what `prefgen run --push` does before and after its run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefgen.errors import Problem, RecipeError
from prefgen.options import JsonOpt, PublicOpt
from prefgen.terminal import console, say
from prefgen.texts import plain

if TYPE_CHECKING:
    from prefgen.hub import Pushed
    from prefgen.hub.files import File
    from prefgen.recipe import Recipe


def push(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, such as runs/quickstart.")],
    repo: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The dataset on the Hub; made where it is not.")],
    public: PublicOpt = False,
    revision: Annotated[
        str, typer.Option("--revision", metavar="BRANCH", help="A branch, or a pull request to go on with: refs/pr/3.")
    ] = "",
    pr: Annotated[bool, typer.Option("--pr", help="Open a pull request.")] = False,
    gated: Annotated[str, typer.Option("--gated", metavar="auto|manual", help="Let people ask for access first.")] = "",
    append: Annotated[
        bool, typer.Option("--append", help="Add to the rows that are there, in files of their own.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be changed, and change nothing.")] = False,
    as_json: JsonOpt = False,
) -> None:
    """Push a run's dataset, card, recipe and manifest to the Hub, in one commit. Private unless you say --public."""
    from prefgen.hub import Target
    from prefgen.hub import push as pushed

    target = Target(repo, public=public, revision=revision, pr=pr, gated=gated)
    done = pushed(folder, target, append=append, dry_run=dry_run, say=say(console(err=True)))
    show(done, as_json=as_json, dry_run=dry_run, where=repo)


def before(found: "Recipe", repo: str | None, *, public: bool, say: Callable[[str], None]) -> Callable[[Path], str]:
    """Checks that what a run will make can be pushed; gives what pushes it in the end and says what came of it."""
    if repo is None and public:
        raise RecipeError(
            [Problem("", "", "--public says who sees what is pushed", "say where with --push OWNER/NAME")]
        )
    if repo is None:
        return lambda _: ""
    from prefgen.hub import Target, check
    from prefgen.hub import push as pushed

    target = Target(repo, public=public)
    check(target, found, say=say)
    return lambda folder: _line(pushed(folder, target, say=say))


def show(done: "Pushed", *, as_json: bool, dry_run: bool, where: str) -> None:
    """What came of a push, on stdout."""
    if as_json:
        print(json.dumps({"dry_run": dry_run, **_told(done)}, indent=1))
        return
    if dry_run and done.creates:
        print(plain(f"would create {where}"))
    for what, path, size in _rows(done) if dry_run else ():
        print(f"{what:8} {plain(path)}{f' ({size:,} bytes)' if size is not None else ''}")
    print(plain(f"would push: {_counted(done)}" if dry_run else _line(done)))


def _rows(done: "Pushed") -> list[tuple[str, str, int | None]]:
    found = done.change
    named = (("new", found.add), ("changed", found.replace), ("same", found.same))
    files = [(what, file.path, file.size) for what, of in named for file in of]
    return [*files, *(("deleted", path, None) for path in found.delete)]


def _line(done: "Pushed") -> str:
    if not done.made:
        return f"nothing to push: all of its {len(done.change.same)} files are there as they are; {done.url}"
    return f"pushed: {_counted(done)}; {done.url}"


def _counted(done: "Pushed") -> str:
    found = done.change
    sent = sum(file.size for file in found.to_send)
    counts = (("new", found.add), ("changed", found.replace), ("deleted", found.delete), ("as they are", found.same))
    return ", ".join(f"{len(of)} {what}" for what, of in counts) + f"; {sent:,} bytes"


def _told(done: "Pushed") -> dict[str, Any]:
    def sized(files: "tuple[File, ...]") -> dict[str, int]:
        return {file.path: file.size for file in files}

    found = done.change
    about = {"url": done.url, "commit": done.commit, "made": done.made, "creates": done.creates}
    changes = {"new": sized(found.add), "changed": sized(found.replace), "same": sized(found.same)}
    return {**about, **changes, "deleted": list(found.delete), "left": list(found.left)}
