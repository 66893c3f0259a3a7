"""The pages that are made of the code: each verb, each stop, each command, each paper with its recipe, the decisions.

mkdocs calls this as a hook (mkdocs.yml), so these pages stand nowhere but in the site and cannot grow old.
``pages()`` gives them all, by their paths.
"""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from prefgen import schema, stopping, verbs
from prefgen.asker import Asker
from prefgen.nothing import needed
from prefgen.recipe import Recipe, load
from prefgen.shown import default_of, kind, stop_needs

DOCS = Path(__file__).parent
RECIPES = DOCS.parent / "recipes"
ROOMS = {
    "sources": "Rows come in.",
    "tables": "Tables in another shape.",
    "generators": "A model writes.",
    "judges": "A model judges.",
    "scores": "Judgments become numbers.",
    "pairs": "Scored responses become pairs.",
    "filters": "Rows go, each for a reason.",
    "stops": "When a row has been asked often enough: `stop:` of a step that asks a model.",
}
"""The rooms of verbs, as data meets them, and what each is for."""


@cache
def pages() -> Mapping[str, str]:
    """Every page that is made here, by its path in the site's sources."""
    made = {"verbs.md": _verbs(), "commands.md": _commands(), "decisions/index.md": _decisions()}
    made |= {f"verbs/{room}/{name}.md": _verb(room, name) for room, names in rooms().items() for name in names}
    return made | {f"papers/{name}.md": _paper(name, said) for name, said in _sections().items()}


@cache
def rooms() -> Mapping[str, Sequence[str]]:
    """The words of each room, and the stops."""
    return {room: tuple(verbs.files(room)) for room in ROOMS}


def _found(room: str, name: str) -> verbs.Verb:
    return verbs.find_stop(name) if room == "stops" else verbs.find(name)


# --- a verb ---------------------------------------------------------------------------------


def _verbs() -> str:
    """All verbs, a table for each room."""
    head = (
        "# Verbs\n\nA step of a recipe is `table: {verb: input table, setting: value}`. What follows is made of the code"
        " when this site is built; `prefgen verbs show NAME` tells the same, and lists your plug-ins' as well.\n"
    )
    rows = {room: [(name, schema.sentence(_summary(room, name))) for name in names] for room, names in rooms().items()}
    tables = [
        f"## {room}\n\n{ROOMS[room]}\n\n"
        + _table(("verb", "what it does"), [(f"[`{name}`](verbs/{room}/{name}.md)", said) for name, said in of])
        for room, of in rows.items()
    ]
    return "\n".join([head, *map(_linked, tables)])


def _summary(room: str, name: str) -> str:
    return _plain(schema.summary(_found(room, name)))


def _verb(room: str, name: str) -> str:
    """The page of one verb or stop."""
    verb = _found(room, name)
    module = inspect.getdoc(inspect.getmodule(getattr(verb, "__wrapped__", verb))) or ""
    parts = [module, *_used(room, name), inspect.getdoc(verb) or "", *_columns(room, verb), *_of_settings(verb)]
    parts += [*_asked(verb), *_in_python(room, name, verb)]
    return f"# {name}\n\n" + _linked(_plain("\n\n".join(parts)), up="../../") + "\n"


def _used(room: str, name: str) -> Iterator[str]:
    """A line of each of the first two recipes that say this word."""
    lines = [
        (recipe.name, text.splitlines()[int(recipe.where("steps", table).rpartition(":")[2]) - 1].strip())
        for recipe, text in _recipes()
        for table, step in recipe.steps.items()
        if (name in _stops(step.settings) if room == "stops" else step.verb == name)
    ]
    if first := dict(reversed(lines)):
        shown = dict(list(reversed(first.items()))[:2])
        recipes = " and ".join(f"[{one}](../../papers/{one}.md)" for one in shown)
        yield "```yaml\n" + "\n".join(shown.values()) + f"\n```\n\nFrom {recipes}."


def _stops(settings: Mapping[str, Any]) -> Sequence[str]:
    said = settings.get("stop")
    return list(said) if isinstance(said, Mapping) else [str(said)]


@cache
def _recipes() -> Sequence[tuple[Recipe, str]]:
    return [(load(path), path.read_text(encoding="utf-8")) for path in sorted(RECIPES.glob("*.yaml"))]


def _columns(room: str, verb: verbs.Verb) -> Iterator[str]:
    names = stop_needs(verb) if room == "stops" else needed(verb)
    if room == "stops":
        by = stopping.Stop(verb).by
        yield f"**Sees** {f'all rows with one `{by}`' if by else 'one row at a time'}."
    if names:
        told = [f"those that `{name[1:-1]}` names" if name.startswith("<") else f"`{name}`" for name in names]
        yield f"**Looks at the columns** {', '.join(told)}."
    if isinstance(verb, type) and issubclass(verb, Asker):
        made = ", ".join(f"`{column}`" for column in verb.makes)
        yield f"**Makes the columns** {made}." if made else ""


def _of_settings(verb: verbs.Verb) -> Iterator[str]:
    found = schema.settings(verb)
    rows = [(f"`{name}`", kind(about), f"`{default_of(about)}`") for name, about in found.items()]
    if rows:
        yield "## Settings\n\n" + _table(("setting", "what it may be", "by default"), rows)


def _asked(verb: verbs.Verb) -> Iterator[str]:
    """The prompt file of an asker."""
    path = Path(inspect.getfile(verb)).with_suffix(".md") if isinstance(verb, type) and issubclass(verb, Asker) else None
    if path and path.is_file():
        yield f"## Its prompt\n\n`{path.name}`, beside the code; `template:` names one of yours.\n\n" + _fenced(path)


def _in_python(room: str, name: str, verb: verbs.Verb) -> Iterator[str]:
    if room in {"tables", "scores", "pairs", "filters"}:
        yield f"## In Python\n\n```python\nfrom prefgen.verbs import {name}\n```\n\nRows in, rows out: [As a library](../../library.md)."


# --- commands -------------------------------------------------------------------------------


def _commands() -> str:
    """Every command with its options, as `--help` has them."""
    import typer

    from prefgen import cli

    codes = (inspect.getdoc(cli) or "").partition("Exit codes: ")[2]
    root = typer.main.get_command(cli.app)
    parts = ["# Commands", "What is asked for goes to stdout, all else to stderr. `prefgen COMMAND --help` says the same."]
    parts += [_command(name, one) for name, one in sorted(_flat(root))]
    return "\n\n".join([*parts, f"## Exit codes\n\n{codes}"]) + "\n"


def _flat(group: Any, way: str = "prefgen") -> Iterator[tuple[str, Any]]:
    for name, one in group.commands.items():
        inner = getattr(one, "commands", None)
        yield from _flat(one, f"{way} {name}") if inner else [(f"{way} {name}", one)]


def _command(name: str, one: Any) -> str:
    arguments = [p for p in one.params if p.param_type_name == "argument"]
    options = [p for p in one.params if p.param_type_name == "option"]
    named = " ".join(p.metavar or p.name.upper() for p in arguments)
    usage = f"{name} {named}".strip()
    rows = [(f"`{', '.join(p.opts)}{_value(p)}`", (p.help or "").replace("|", "\\|")) for p in options]
    told = [f"## {name}", f"    {usage}{' [OPTIONS]' if rows else ''}", one.help or ""]
    return "\n\n".join([*told, *([_table(("option", "what it does"), rows)] if rows else [])])


def _value(option: Any) -> str:
    """What an option takes, if it takes something."""
    if option.is_flag:
        return ""
    return f" {option.metavar or '…'}".replace("|", "\\|")


# --- papers ---------------------------------------------------------------------------------


def _sections() -> Mapping[str, str]:
    """What docs/papers.md says of each recipe."""
    text = (DOCS / "papers.md").read_text(encoding="utf-8")
    names, said = re.findall(r"^## (.*)$", text, re.MULTILINE), re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    return dict(zip(names, said, strict=True))


def _paper(name: str, said: str) -> str:
    """One recipe: what the paper does, what the recipe does, and the recipe."""
    whole = (RECIPES / f"{name}.yaml").read_text(encoding="utf-8").partition("\n")[2].lstrip("#\n ")
    text = re.sub(r"\(#([\w-]+)\)", r"(\1.md)", said.strip())
    run = f"    prefgen run {name} --take 20\n    prefgen recipes copy {name}      # a copy of your own"
    return f"# {name}\n\n{_linked(text, up='../')}\n\n## The recipe\n\n{run}\n\n```yaml\n# {whole}```\n"


def _decisions() -> str:
    """What was decided, each by its title."""
    found = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    titles = [path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ") for path in found]
    lines = [f"- [{title}]({path.name})" for path, title in zip(found, titles, strict=True)]
    return "# Decisions\n\nWhat was decided, and what else there was.\n\n" + "\n".join(lines) + "\n"


# --- Markdown -------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """A docstring as Markdown."""
    return re.sub(r"``(.+?)``", r"`\1`", text, flags=re.DOTALL)


_WORDS = re.compile(
    r"`?docs/decisions/(?P<decision>\d{4})`?|`?docs/(?P<page>\w+)\.md`?|arXiv:(?P<paper>\d{4}\.\d{4,5})"
    r"|(?P<kept>^(?P<fence>`{3,}).*?^(?P=fence)$|^ {4}[^\n]*|`[^`\n]+`|\[[^\]\n]*\]\([^)\n]*\))",
    re.MULTILINE | re.DOTALL,
)
"""What becomes a link, and what stays as it is: code, and what is one already."""


def _linked(text: str, up: str = "") -> str:
    """Papers, pages and decisions that are named, as links; ``up`` leads to the site's root."""

    def link(found: re.Match[str]) -> str:
        if found["decision"]:
            (path,) = (DOCS / "decisions").glob(f"{found['decision']}-*.md")
            return f"[decision {int(found['decision'])}]({up}decisions/{path.name})"
        if found["paper"]:
            return f"[{found[0]}](https://arxiv.org/abs/{found['paper']})"
        return f"[{_title(found['page'])}]({up}{found['page']}.md)" if found["page"] else found[0]

    return _WORDS.sub(link, text)


def _title(page: str) -> str:
    return (DOCS / f"{page}.md").read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


def _fenced(path: Path) -> str:
    text = path.read_text(encoding="utf-8").rstrip()
    fence = "`" * max(4, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


# --- what mkdocs calls ----------------------------------------------------------------------


def on_config(config: Any) -> Any:
    """The pages of papers and verbs, below those that list them."""
    of_rooms = [{room: [f"verbs/{room}/{name}.md" for name in names]} for room, names in rooms().items()]
    below = {"papers.md": [f"papers/{name}.md" for name in _sections()], "verbs.md": of_rooms}
    config.nav = [
        {title: [page, *below[page]]} if isinstance(page, str) and page in below else {title: page}
        for one in config.nav
        for title, page in one.items()
    ]
    return config


def on_files(files: Any, config: Any) -> Any:
    """The pages made here, among those that are there."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """A page of the clone as one of the site: what lies beside the pages is a page here, and papers stand apart."""
    path = page.file.src_uri
    if path == "papers.md":
        markdown = re.sub(r"\(#([\w-]+)\)", r"(papers/\1.md)", markdown.partition("\n## ")[0])
    up = "../" * path.count("/")
    if path not in pages():
        markdown = _linked(markdown, up)
    return re.sub(r"\]\((?:\.\./)+recipes/([\w-]+)\.yaml\)", rf"]({up}papers/\1.md)", markdown)
