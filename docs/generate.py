"""The pages that are made of the code: each verb, each stop, each command, each paper with its recipe, the decisions.

mkdocs asks for them while it builds (docs/hooks.py), so they stand nowhere but in the site and cannot grow old.
``pages()`` gives them all, by their paths.
"""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
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
    return made | {f"papers/{name}.md": _paper(name, said) for name, said in sections().items()}


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
        "# Verbs\n\nA step of a recipe is `table: {verb: input table, setting: value}`. What follows is made of the"
        " code when this site is built; `prefgen verbs show NAME` tells the same, and lists your plug-ins' as well."
    )
    rows = {room: [(name, schema.sentence(_summary(room, name))) for name in names] for room, names in rooms().items()}
    tables = [
        f"## {room}\n\n{ROOMS[room]}\n\n"
        + _table(("verb", "what it does"), [(f"[`{name}`](verbs/{room}/{name}.md)", said) for name, said in of])
        for room, of in rows.items()
    ]
    return linked("\n\n".join([head, *tables]) + "\n")


def _summary(room: str, name: str) -> str:
    return _plain(schema.summary(_found(room, name)))


def _verb(room: str, name: str) -> str:
    """The page of one verb or stop."""
    verb = _found(room, name)
    said = [_plain(inspect.getdoc(of) or "") for of in (inspect.getmodule(getattr(verb, "__wrapped__", verb)), verb)]
    parts = [said[0], *_used(room, name), said[1], *_columns(room, verb), *_of_settings(verb)]
    parts += [*_asked(verb), *_in_python(room, name)]
    return _at_home(f"# {name}\n\n" + "\n\n".join(parts) + "\n", f"verbs/{room}/{name}.md")


def _used(room: str, name: str) -> Iterator[str]:
    """Two different lines of recipes that say this word."""
    found: dict[str, tuple[str, str]] = {}
    for recipe, text in _recipes():
        for table, step in recipe.steps.items():
            if name in (_stops(step.settings) if room == "stops" else [step.verb]):
                line = text.splitlines()[int(recipe.where("steps", table).rpartition(":")[2]) - 1]
                found.setdefault(line.partition("#")[0].strip(), (" ".join(line.split()), recipe.name))
    if shown := list(found.values())[:2]:
        recipes = " and ".join(f"[{one}](../../papers/{one}.md)" for one in dict.fromkeys(name for _, name in shown))
        yield "```yaml\n" + "\n".join(line for line, _ in shown) + f"\n```\n\nFrom {recipes}."


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
        if made:
            yield f"**Makes the columns** {made}."


def _of_settings(verb: verbs.Verb) -> Iterator[str]:
    found = schema.settings(verb)
    rows = [(f"`{name}`", kind(about), _default(about)) for name, about in found.items()]
    if rows:
        yield "## Settings\n\n" + _table(("setting", "what it may be", "by default"), rows)


def _default(about: Mapping[str, Any]) -> str:
    return f"`{default_of(about)}`" if "default" in about else "**required**"


def _asked(verb: verbs.Verb) -> Iterator[str]:
    """The prompt file of an asker."""
    path = (
        Path(inspect.getfile(verb)).with_suffix(".md") if isinstance(verb, type) and issubclass(verb, Asker) else None
    )
    if path and path.is_file():
        yield f"## Its prompt\n\n`{path.name}`, beside the code; `template:` names one of yours.\n\n" + _fenced(path)


def _in_python(room: str, name: str) -> Iterator[str]:
    if room in {"tables", "scores", "pairs", "filters"}:
        code = f"```python\nfrom prefgen.verbs import {name}\n```"
        yield f"## In Python\n\n{code}\n\nRows in, rows out: [As a library](../../library.md)."


# --- commands -------------------------------------------------------------------------------


def _commands() -> str:
    """Every command with its options, as `--help` has them."""
    import typer

    from prefgen import cli

    codes = (inspect.getdoc(cli) or "").partition("Exit codes: ")[2]
    root = typer.main.get_command(cli.app)
    parts = [
        "# Commands",
        "What is asked for goes to stdout, all else to stderr. `prefgen COMMAND --help` says the same.",
    ]
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
    rows = [(f"`{', '.join(p.opts)}{_value(p)}`", (p.help or "").replace("<", "&lt;")) for p in options]
    told = [f"## {name}", f"    {usage}{' [OPTIONS]' if rows else ''}", one.help or ""]
    tables = [_table(("option", "what it does"), rows)] if rows else []
    return "\n\n".join([*told, *tables, *(_looked_for() if name == "prefgen audit" else [])])


def _looked_for() -> Iterator[str]:
    """What an audit looks for, and what can have a limit."""
    checks, thresholds = (import_module(f"prefgen.audit.{name}") for name in ("checks", "thresholds"))
    rows = [(f"`{one.name}`", f"{one.title}: {one.rule}", one.cure) for one in (*checks.CHECKS, *checks.WHOLE)]
    yield "### What it looks for\n\n" + _table(("name", "what is found", "what would do"), rows)
    shares = [(f"`{name}`", said) for name, said in thresholds.MEASURES.items()]
    groups = [(f"`{name}`", ", ".join(f"`{one}`" for one in of)) for name, of in checks.GROUPS.items()]
    yield "`--fail-on` takes these names, groups of them, and shares:\n\n" + _table(("name", "is"), [*groups, *shares])


def _value(option: Any) -> str:
    """What an option takes, if it takes something."""
    if option.is_flag:
        return ""
    return f" {option.metavar or '…'}"


# --- papers ---------------------------------------------------------------------------------


def sections() -> Mapping[str, str]:
    """What docs/papers.md says of each recipe."""
    text = (DOCS / "papers.md").read_text(encoding="utf-8")
    names, said = re.findall(r"^## (.*)$", text, re.MULTILINE), re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    return dict(zip(names, said, strict=True))


def _paper(name: str, said: str) -> str:
    """One recipe: what the paper does, what the recipe does, and the recipe."""
    whole = (RECIPES / f"{name}.yaml").read_text(encoding="utf-8").partition("\n")[2].lstrip("#\n ")
    text = re.sub(r"\(#([\w-]+)\)", r"(\1.md)", said.strip())
    run = f"    prefgen run {name} --take 20\n    prefgen recipes copy {name}      # a copy of your own"
    return _at_home(f"# {name}\n\n{text}\n\n## The recipe\n\n{run}\n\n```yaml\n# {whole}```\n", f"papers/{name}.md")


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


def linked(text: str, up: str = "") -> str:
    """Papers, pages and decisions that are named, as links; ``up`` leads to the site's root."""

    def link(found: re.Match[str]) -> str:
        if found["decision"]:
            (path,) = (DOCS / "decisions").glob(f"{found['decision']}-*.md")
            return f"[decision {int(found['decision'])}]({up}decisions/{path.name})"
        if found["paper"]:
            return f"[{found[0]}](https://arxiv.org/abs/{found['paper']})"
        return f"[{_title(found['page'])}]({up}{found['page']}.md)" if found["page"] else found[0]

    return _WORDS.sub(link, text)


def _at_home(text: str, page: str) -> str:
    """A page of a folder, with what it names as links: verbs too, but for its own."""
    up = "../" * page.count("/")
    known = {name: f"verbs/{room}/{name}.md" for room, names in reversed(list(rooms().items())) for name in names}
    columns = {"language", *(["score"] if page.startswith("verbs/") else [])}
    own = columns | {name for name, path in known.items() if path == page}

    def link(found: re.Match[str]) -> str:
        name = found["name"]
        return f"[`{name}`]({up}{known[name]})" if name in known and name not in own else found[0]

    return _VERB.sub(link, linked(text, up))


_VERB = re.compile(
    r"^(?P<fence>`{3,}).*?^(?P=fence)$|^ {4}[^\n]*|^[|] [^|\n]*|`(?P<name>\w+)`", re.MULTILINE | re.DOTALL
)
"""A word in code; not in blocks, and not in the first column of a table, which names steps and settings."""


def _title(page: str) -> str:
    return (DOCS / f"{page}.md").read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


def _fenced(path: Path) -> str:
    text = path.read_text(encoding="utf-8").rstrip()
    fence = "`" * max(4, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
