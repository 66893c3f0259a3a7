"""Front matter: the YAML by which the Hub, its viewer and ``load_dataset`` know a dataset.

The keys are those of the Hub's specification of dataset cards (hub-docs, datasetcard.md) and no others: ``base_model``
is a key of model cards, so the models that wrote stand in the text.
"""

import re
from collections.abc import Mapping
from io import StringIO
from typing import Any

from prefgen.card.licences import languages, licence
from prefgen.recipe import Recipe

Written = Mapping[str, Mapping[str, int]]
"""Config → split → rows, those without rows left out."""

_TAGS = {
    "preferences": ("preference", "dpo", "rlaif"),
    "judgments": ("llm-as-a-judge",),
    "judge_sft": ("llm-as-a-judge",),
    "judge_preferences": ("llm-as-a-judge", "preference", "dpo"),
    "results": ("evaluation",),
}
"""What a config says of a dataset that holds it; ``dpo`` is the tag that TRL's pages send people to."""

_HUB_ID = re.compile(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}", re.ASCII)
_FILE = re.compile(r"\.(jsonl?|csv|tsv|parquet|ya?ml|md|txt|arrow|gz|zst)$", re.IGNORECASE)


def front(recipe: Recipe, written: Written) -> str:
    """The YAML between the two rules. One config is the default."""
    from ruamel.yaml import YAML
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted  # the Hub's YAML reads a bare no as false

    codes, tags, _ = languages(recipe.language)
    first = default(written)
    told: dict[str, Any] = {
        "pretty_name": Quoted(recipe.name),
        **{key: Quoted(value) for key, value in licence(recipe.license).items()},
        "language": [Quoted(one) for one in codes],
        "language_details": [Quoted(one) for one in tags],
        "annotations_creators": ["machine-generated"] if _judged(written) else [],
        "language_creators": ["machine-generated"] if recipe.models else [],
        "multilinguality": [] if not codes else ["monolingual"] if len(codes) == 1 else ["multilingual"],
        "source_datasets": [Quoted(one) for one in sources(recipe)] or ["original"],
        "task_categories": ["text-generation"],
        "size_categories": [size(sum(written.get(first, {}).values()))],
        "tags": [*_tags(written), "synthetic", "prefgen"],
        "configs": [_config(name, splits, default=name == first) for name, splits in written.items()],
    }
    out = StringIO()
    yaml: Any = YAML()
    yaml.width = 1_000_000  # what is folded is not always what was written
    yaml.dump({key: value for key, value in told.items() if value}, out)
    return out.getvalue()


def default(written: Written) -> str:
    """The config that ``load_dataset`` takes where none is named."""
    return "preferences" if "preferences" in written else next(iter(written), "")


def sources(recipe: Recipe) -> list[str]:
    """The datasets on the Hub that a recipe's sources name. What looks like a file's path is none of them."""
    named = [
        step.input
        for step in recipe.steps.values()
        if isinstance(step.verb, str) and step.verb.startswith("load") and isinstance(step.input, str)
    ]
    tables = recipe.steps.keys()
    return list(dict.fromkeys(one for one in named if one not in tables and _is_hub_id(one)))


def _is_hub_id(text: str) -> bool:
    return bool(_HUB_ID.fullmatch(text)) and not _FILE.search(text)


def _judged(written: Written) -> bool:
    return bool({"preferences", "judgments", "judge_sft", "judge_preferences"} & set(written))


def _tags(written: Written) -> list[str]:
    return list(dict.fromkeys(tag for config in written for tag in _TAGS.get(config, ())))


def _config(name: str, splits: Mapping[str, int], *, default: bool) -> dict[str, Any]:
    files = [{"split": split, "path": f"{name}/{split}-*.parquet"} for split in splits]
    return {"config_name": name, **({"default": True} if default else {}), "data_files": files}


def size(rows: int) -> str:
    """The Hub's class of size: n<1K, 1K<n<10K and so on."""
    steps = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"]
    above = next((place for place in range(len(steps)) if rows < 1000 * 10**place), len(steps))
    return f"n<{steps[0]}" if above == 0 else f"{steps[above - 1]}<n<{steps[above]}" if above < len(steps) else "n>1T"
