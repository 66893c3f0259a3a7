"""Which format a trainer reads: every format, found by its file's name, and the names of trainers that mean one.

A format is the function of that name in the file of that name in ``prefgen/formats``. Beside it stand ``CONFIGS``, the
configs that it can be made of (the first one, unless another is named), and ``FILE``, the kind of file that is read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from prefgen import verbs
from prefgen.configs import arrow_schema
from prefgen.errors import Problem, RecipeError, nearest
from prefgen.rows import TableVerb

if TYPE_CHECKING:
    import pyarrow as pa

ALIASES: Mapping[str, tuple[str, str]] = {
    "alignment-handbook": ("conversational", "preferences"),
    "axolotl": ("conversational", "preferences"),
    "judge-dpo": ("conversational", "judge_preferences"),
    "open-instruct": ("conversational", "preferences"),
    "openrlhf": ("conversational", "preferences"),
    "torchtune": ("conversational", "preferences"),
    "trl": ("conversational", "preferences"),
    "unsloth": ("conversational", "preferences"),
}
"""Other words for a format, with the config that is meant."""


@dataclass(frozen=True)
class Format:
    """One format: the function that makes it, its configs, its kind of file, and what its trainer wants beside it."""

    name: str
    make: TableVerb[[]]
    configs: Sequence[str]
    file: str
    about: str
    beside: Callable[[Mapping[str, str]], Mapping[str, str]]

    def schema(self, config: str) -> "pa.Schema":
        """The Arrow schema of what is made of a config: of its columns without rows."""
        nothing = cast("pl.DataFrame", pl.from_arrow(arrow_schema(config).empty_table()))
        return arrow(self.make(nothing).schema)


def names() -> dict[str, str]:
    """Every format by its name, and every other word for one, with what it is in a line."""
    own = {name: find(name).about for name in sorted(map(spelt, verbs.files("formats")))}
    return own | {word: f"{name}, made of {config}" for word, (name, config) in ALIASES.items()}


def find(name: str) -> Format:
    """The format of this name, or of which this is another name. Raises RecipeError where there is none."""
    known = {spelt(function): (function, module) for function, module in verbs.files("formats").items()}
    word = spelt(name)
    own, config = ALIASES.get(word, (word, ""))
    if own not in known:
        raise RecipeError([Problem("", "", f"no format '{name}'", nearest(word, {*known, *ALIASES}))])
    function, path = known[own]
    return _format(own, function, import_module(path), config)


def spelt(name: str) -> str:
    """A format's name as commands and pages have it: llama_factory is llama-factory."""
    return name.strip().lower().replace("_", "-")


def arrow(schema: Mapping[str, pl.DataType]) -> "pa.Schema":
    """The Arrow schema of a frame, with the types that the Hub knows: ``string`` and ``list``, not the large ones."""
    import pyarrow as pa

    return pa.schema([(name, _arrow(of)) for name, of in schema.items()])


def _format(name: str, function: str, module: ModuleType, config: str) -> Format:
    make: TableVerb[[]] = getattr(module, function)
    configs = [config, *(one for one in module.CONFIGS if one != config)] if config else list(module.CONFIGS)
    about = (module.__doc__ or "").split("\n\n")[0].replace("\n", " ").strip()
    return Format(name, make, configs, module.FILE, about, getattr(module, "beside", lambda _: {}))


def _arrow(of: Any) -> "pa.DataType":
    import pyarrow as pa

    if isinstance(of, pl.List):
        return pa.list_(_arrow(of.inner))
    if isinstance(of, pl.Struct):
        return pa.struct([(one.name, _arrow(one.dtype)) for one in of.fields])
    plain = {pl.String: pa.string(), pl.Float64: pa.float64(), pl.Int64: pa.int64(), pl.Boolean: pa.bool_()}
    return plain[type(of)]
