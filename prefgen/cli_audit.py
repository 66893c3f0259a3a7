"""`prefgen audit`: what is wrong with a preference dataset, whoever made it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prefgen.options import JsonOpt, QuietOpt
from prefgen.terminal import console, say
from prefgen.texts import plain

if TYPE_CHECKING:
    from prefgen.audit import Audit

CROSSED = 7
"""The exit code where more was found than --fail-on lets pass."""

SourceArg = Annotated[
    str, typer.Argument(metavar="DATASET", help="A file, a folder (also a run's), or a dataset on the Hub.")
]
SplitOpt = Annotated[str | None, typer.Option("--split", help="One split.  [default: all]")]
ConfigOpt = Annotated[str | None, typer.Option("--config", help="One config.  [default: the dataset's own]")]
PromptOpt = Annotated[str | None, typer.Option("--prompt", metavar="COLUMN", help="Where the prompts are.")]
ChosenOpt = Annotated[str | None, typer.Option("--chosen", metavar="COLUMN", help="Where the better responses are.")]
RejectedOpt = Annotated[str | None, typer.Option("--rejected", metavar="COLUMN", help="Where the worse ones are.")]
AgainstOpt = Annotated[
    list[str],
    typer.Option("--against", metavar="FILE|DATASET", help="A benchmark whose prompts must not be here; repeatable."),
]
FailOpt = Annotated[
    list[str],
    typer.Option("--fail-on", metavar="NAME=MOST", help="Exit with 7 above that: contradictory=0,leaks=0,longer=0.6"),
]
TakeOpt = Annotated[int | None, typer.Option("--take", min=1, help="Only the first N rows of each split.")]
RevisionOpt = Annotated[str | None, typer.Option("--revision", help="A branch, tag or commit on the Hub.")]
DataDirOpt = Annotated[str | None, typer.Option("--data-dir", help="A folder within the dataset.")]
HtmlOpt = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page, which opens offline.")]
OutOpt = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="Write every row that was found, and why.")
]


def audit(
    source: SourceArg,
    split: SplitOpt = None,
    config: ConfigOpt = None,
    prompt: PromptOpt = None,
    chosen: ChosenOpt = None,
    rejected: RejectedOpt = None,
    against: AgainstOpt = [],  # noqa: B006  # typer reads the default, nobody changes it
    fail_on: FailOpt = [],  # noqa: B006
    take: TakeOpt = None,
    revision: RevisionOpt = None,
    data_dir: DataDirOpt = None,
    html: HtmlOpt = None,
    out: OutOpt = None,
    as_json: JsonOpt = False,
    quiet: QuietOpt = False,
) -> None:
    """Look for what is wrong with a preference dataset: pairs, prompts, biases, leaks, encoding, and what TRL needs."""
    from prefgen.audit import Asked, limits
    from prefgen.audit import audit as audited

    most, screen = limits(fail_on), console(err=True)
    asked = Asked(source, split, config, prompt, chosen, rejected, take, revision, data_dir)
    tell: Callable[[str], None] = (lambda _: None) if quiet else say(screen)
    found = audited(asked, against=against, fail_on=most, out=out, tell=tell, charts=html is not None)
    told(found, html, tell, as_json=as_json)
    if found.crossed:
        names = ", ".join(one.limit.told() for one in found.crossed)
        screen.print(plain(f"more than may be: {names}"), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(CROSSED)


def told(found: "Audit", html: Path | None, tell: Callable[[str], None], *, as_json: bool) -> None:
    """What was found: as a page, and as JSON or on the screen."""
    if html is not None:
        from prefgen.audit.page import write

        write(found, html)
        tell(f"page: {html}")
    if as_json:
        print(json.dumps(found.told(), indent=1))
    else:
        from prefgen.display_audit import show

        show(found, console())
