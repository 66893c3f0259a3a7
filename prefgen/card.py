"""A dataset's card: what the recipe is, what became of every row, which config loads where.

It says nothing that differs between a run and its repetition (no date, no time, no calls), and whatever a
model or a recipe wrote stands in a fenced block or in code marks, where it is text and nothing else.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from prefgen.configs import json_schema
from prefgen.recipe import Recipe
from prefgen.splits import lines
from prefgen.texts import plain

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
"""The Hub's classes of size: below so many rows, this one."""

_TRAINERS = (
    ("TRL (DPO, reward), Unsloth, alignment-handbook", "preferences", "as it is"),
    ("OpenRLHF", "preferences", "`--apply_chat_template`"),
    ("Axolotl", "preferences", "`type: chat_template.argilla_chat`"),
    ("torchtune", "preferences", "`preference_dataset`"),
    ("LLaMA-Factory", "preferences_text", "`ranking: true`, columns prompt, chosen, rejected"),
    ("NeMo-RL", "preferences_text", "`BinaryPreferenceDataset`"),
    ("TRL (SFT of a judge)", "judge_sft", "as it is; the loss is on the completion"),
    ("TRL (DPO of a judge)", "judge_preferences", "as it is"),
)


def card(
    recipe: Recipe,
    text: str,
    configs: Mapping[str, Mapping[str, int]],
    funnel: Sequence[Mapping[str, Any]],
    judges: Mapping[str, Any] | None = None,
    authors: Sequence[Mapping[str, Any]] = (),
    splits: Mapping[str, Any] | None = None,
) -> str:
    """The README.md of a dataset.

    ``text`` is the recipe as YAML, ``configs`` each config's rows by split (none: not written), ``funnel`` each step's
    ``table``, ``verb``, ``rows_in`` and ``rows_out``, and how many were ``dropped``, ``unreadable`` and ``failed``,
    by reason. ``judges`` holds the report of each table of judgments (``prefgen.judged.judge_report``),
    ``authors`` which models tend to be chosen (``author_report``), ``splits`` what ``prefgen.splits.told`` gives.
    """
    counts = {config: sum(rows.values()) for config, rows in configs.items()}
    written = {config: rows for config, rows in counts.items() if rows}
    parts = [
        f"---\n{_front(recipe, written, configs)}---",
        f"# {_plain(recipe.name)}",
        _about(recipe),
        _tables_of(counts, written),
        _splits(splits or {}, configs),
        _loading(recipe.name, written),
        "## What became of every row\n\n" + _funnel(funnel),
        _judges(judges or {}),
        _canaries(funnel),
        _authors(authors),
        _models(recipe),
        "## The recipe\n\n" + fenced(text, "yaml"),
        _columns(written),
        _terms(recipe),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


# --- front matter ---------------------------------------------------------------------------


def _front(recipe: Recipe, written: Mapping[str, int], splits: Mapping[str, Iterable[str]]) -> str:
    """The YAML by which the Hub and ``load_dataset`` know the configs. The first one is the default."""
    from ruamel.yaml import YAML
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted  # the Hub's YAML reads a bare no as false

    default = _default(written)
    front = {
        "pretty_name": Quoted(recipe.name),
        **{key: Quoted(value) for key, value in _licence(recipe.license).items()},
        "language": [Quoted(language) for language in recipe.language],
        "task_categories": ["text-generation"],
        "size_categories": [_size(written.get(default, 0))],
        "tags": [*(tag for config, tags in _TAGS.items() if config in written for tag in tags), "synthetic", "prefgen"],
        "configs": [_config(name, splits[name], default=name == default) for name in written],
    }
    out = StringIO()
    yaml: Any = YAML()
    yaml.width = 1_000_000  # what is folded is not always what was written
    yaml.dump({key: value for key, value in front.items() if value}, out)
    return out.getvalue()


_TAGS = {"preferences": ("preference", "dpo", "rlaif"), "judgments": ("llm-as-a-judge",), "results": ("evaluation",)}
"""What a config says of a dataset that holds it."""

_LICENCES = frozenset({
    "apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0", "cc-by-nc-nd-4.0", "odc-by", "odbl", "pddl", "cdla-permissive-2.0", "gpl-3.0", "openrail",
    "llama3.1", "llama3.2", "llama3.3", "gemma", "other", "unknown",
})  # fmt: skip
"""Licences of data that the Hub knows by these ids; it refuses a card with an id that it does not know."""


def _licence(said: str) -> dict[str, str]:
    known = said.strip().lower()
    return {"license": known} if known in _LICENCES or not known else {"license": "other", "license_name": said.strip()}


def _config(name: str, splits: Iterable[str], *, default: bool) -> dict[str, Any]:
    files = [{"split": split, "path": f"{name}/{split}-*.parquet"} for split in splits]
    return {"config_name": name, **({"default": True} if default else {}), "data_files": files}


def _default(written: Mapping[str, int]) -> str:
    """The config that ``load_dataset`` takes where none is named."""
    return "preferences" if "preferences" in written else next(iter(written), "")


def _size(rows: int) -> str:
    return next((name for below, name in _SIZES if rows < below), "n>10M")


# --- text -----------------------------------------------------------------------------------


def _about(recipe: Recipe) -> str:
    paper = recipe.paper.removeprefix("arXiv:")
    known = re.fullmatch(r"\d{4}\.\d{4,5}(v\d+)?", paper, re.ASCII)
    link = f"[arXiv:{paper}](https://arxiv.org/abs/{paper})" if known else ""
    lines = [_plain(recipe.about), f"Paper: {link or _plain(recipe.paper)}" if recipe.paper else ""]
    made = "Made by language models with prefgen, from the recipe below."
    return "\n\n".join(line for line in (*lines, made) if line)


def _tables_of(configs: Mapping[str, int], written: Mapping[str, int]) -> str:
    """The configs and their rows; those left out, and the pairs that have no form as text."""
    rows = [(f"`{name}`", f"{count:,}", json_schema(name)["description"]) for name, count in written.items()]
    notes = [f"`{name}` had no rows, so it is not here." for name, count in configs.items() if not count]
    several = written.get("preferences", 0) - written.get("preferences_text", 0)
    if several and "preferences_text" in written:
        notes.append(f"{several:,} pairs are in `preferences` only: their prompt is more than one user message.")
    table = _table(("config", "rows", "a row is"), rows) if rows else ""
    return "\n\n".join(["## Configs", *(part for part in (table, *notes) if part)])


def _splits(splits: Mapping[str, Any], configs: Mapping[str, Mapping[str, int]]) -> str:
    if not splits:
        return ""
    rows = [(f"`{config}`", *(f"{of.get(name, 0):,}" for name in splits["prompts"])) for config, of in configs.items()]
    how = "A prompt's hash says its split, in every config the same; near-duplicate prompts are in one."
    notes = [_plain(line.removeprefix("splits: ")) + "." for line in lines(splits)]
    return "\n\n".join(["## Splits", how, _table(("rows", *splits["prompts"]), rows), *notes])


def _loading(name: str, written: Mapping[str, int]) -> str:
    """How to load it, a trainer to hand it to, and which config suits which trainer."""
    if not written:
        return ""
    place = f"you/{name}"
    lines = ["from datasets import load_dataset", ""]
    lines += [f'rows = load_dataset("{place}", "{_default(written)}", split="train")']
    if "preferences" in written:
        lines[:1] = ["from datasets import load_dataset", "from trl import DPOTrainer"]
        lines += ['trainer = DPOTrainer(model="Qwen/Qwen3-0.6B", train_dataset=rows)', "trainer.train()"]
    suits = [(who, f"`{config}`", how) for who, config, how in _TRAINERS if config in written]
    table = _table(("trainer", "config", "option"), suits) if suits else ""
    first = f"`{place}` is where you pushed it, or this folder."
    return "\n\n".join(part for part in ("## How to load it", first, fenced("\n".join(lines), "python"), table) if part)


def _funnel(funnel: Sequence[Mapping[str, Any]]) -> str:
    """Each step's rows in and out, and why rows went."""
    head = ("table", "verb", "rows in", "rows out", "dropped", "unreadable replies", "failed")
    return _table(head, [_step(step) for step in funnel])


def _step(step: Mapping[str, Any]) -> tuple[str, ...]:
    counts = (f"{step['rows_in']:,}", f"{step['rows_out']:,}")
    return f"`{_cell(step['table'])}`", f"`{_cell(step['verb'])}`", *counts, *map(_why, _lost(step))


def _lost(step: Mapping[str, Any]) -> list[Mapping[str, int]]:
    return [step.get(kind) or {} for kind in ("dropped", "unreadable", "failed")]


def _why(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {_plain(reason)}" for reason, number in sorted(reasons.items()))


def _judges(judges: Mapping[str, Any]) -> str:
    """How the judges judged: agreement with what is known, and bias, with 95% intervals."""
    from prefgen.judged import AGREEMENT, agreement_rows, report_rows

    head, rows = report_rows(judges)
    some = (rows, agreement_rows(judges))
    told, agreed = ([[*map(_code, row[:2]), *map(_cell, row[2:])] for row in one] for one in some)
    table = "## Judges\n\n" + _table(head, told) if told else ""
    return table + ("\n\nHow far they agree:\n\n" + _table(AGREEMENT, agreed) if agreed else "")


def _canaries(funnel: Sequence[Mapping[str, Any]]) -> str:
    """How judges did where the answer was known."""
    rows = [
        (f"`{_cell(step['table'])}`", kind, *(f"{ends.get(end, 0):,}" for end in ("withstood", "fooled", "unreadable")))
        for step in funnel
        for kind, ends in step.get("canaries", {}).get("kinds", {}).items()
    ]
    held = [step["canaries"]["withstood"] for step in funnel if step.get("canaries", {}).get("withstood")]
    if not rows:
        return ""
    told = "; ".join(f"{one['value']:.0%} withstood ({one['low']:.0%} to {one['high']:.0%})" for one in held)
    about = "Requests with a known answer were put among the judges' own; they stand in no table."
    table = _table(("table", "attack", "withstood", "fooled", "unreadable"), rows)
    return f"## Canaries\n\n{about}{f' {told}.' if told else ''}\n\n{table}"


def _authors(authors: Sequence[Mapping[str, Any]]) -> str:
    """Which model tends to be chosen where two meet."""
    from prefgen.judged import AUTHORS, author_rows

    if not authors:
        return ""
    cells = [[_code(row[0]), *row[1:]] for row in author_rows(authors)]
    return "## Authors\n\nWhere two different models meet:\n\n" + _table(AUTHORS, cells)


_SAID = ("use", "temperature", "top_p", "max_tokens")
"""What a card says of a model; how and where it was reached is the maker's business."""


def _models(recipe: Recipe) -> str:
    rows = [(name, *(settings.get(key, "") for key in _SAID)) for name, settings in recipe.models.items()]
    cells = [[_code(cell) for cell in row] for row in rows]
    return "## Models\n\n" + _table(("name", *_SAID), cells) if cells else ""


def _code(value: Any) -> str:
    """One value or a list of them, in code marks that nothing inside can end."""
    values = value if isinstance(value, list | tuple) else [value]
    return ", ".join(f"`{_cell(item)}`" for item in values if item != "")


def _columns(written: Mapping[str, int]) -> str:
    """What each column holds, from the schemas."""
    parts = ["## Columns"] if written else []
    for name in written:
        columns = json_schema(name)["properties"].items()
        parts += [
            f"### {name}",
            _table(("column", "what it holds"), [(f"`{c}`", of["description"]) for c, of in columns]),
        ]
    return "\n\n".join(parts)


def _terms(recipe: Recipe) -> str:
    stated = "" if recipe.license else "No licence is stated. "
    others = "Prompts keep their own licence, and what a model wrote is under the terms of its provider."
    return f"## Terms\n\n{stated}{others}"


# --- Markdown -------------------------------------------------------------------------------


def fenced(text: str, language: str = "") -> str:
    """A block of code whose fence is longer than any inside it."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    """Text that stays inside its cell and its code marks, however many backslashes stand before a bar."""
    text = re.sub(r"\s+", " ", plain(str(value))).replace("`", "'")
    return re.sub(r"\\+\|", "\u00a6", text).replace("|", "\\|")


_ACTIVE = re.compile(r"://|www\.|@", re.IGNORECASE)
"""What pages make links of without being asked."""
_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|~$&^]")
_BEGINS = re.compile(r"^(\d{0,9})([-+=.)])")
"""What at the beginning of a line makes it a list, a rule or a heading."""


def _plain(text: str) -> str:
    """A paragraph of somebody's text without markup of its own; what would be a link stands in code marks."""
    words = re.sub(r"\s+", " ", plain(text)).strip().split(" ")
    told = " ".join(f"`{_cell(one)}`" if _ACTIVE.search(one) else _MARKUP.sub(r"\\\g<0>", one) for one in words)
    return _BEGINS.sub(r"\1\\\2", told)
