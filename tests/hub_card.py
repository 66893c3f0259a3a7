"""What the Hub says of a card's YAML, as far as its rules are known (its spec of dataset cards, and its table of licences)."""

import itertools
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

_IDS = """
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5
cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl
lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib
pddl lgpl-lr deepfloyd-if-license llama2 llama3 llama3.1 llama3.2 llama3.3 gemma unknown other
"""
LICENCES = frozenset(_IDS.split())
_STEPS = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
SIZES = {"n<1K", *(f"{low}<n<{high}" for low, high in itertools.pairwise(_STEPS)), "n>1T", "unknown"}


def problems(card: str) -> tuple[list[str], list[str]]:
    """Errors and warnings of a README.md."""
    found = re.match(r"---\s*\n(.*?)\n---", card, re.DOTALL)
    if not found:
        return [], ["empty or missing yaml metadata in repo card"]
    try:
        data = YAML(typ="safe", pure=True).load(found[1])
    except YAMLError:
        return ["bad YAML"], []
    if not isinstance(data, dict):
        return ["the YAML is no mapping"], []
    return [*_licence(data), *_words(data), *_configs(data)], [] if data.get("license") else ["no license"]


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _licence(data: dict[str, Any]) -> list[str]:
    wrong = [
        f'"license" must be one of the known ids, not {one}'
        for one in _many(data.get("license"))
        if one not in LICENCES
    ]
    unnamed = data.get("license") == "other" and not data.get("license_name")
    return wrong + (['"license_name" is needed with license: other'] if unnamed else [])


def _words(data: dict[str, Any]) -> list[str]:
    wrong = [f'"size_categories" {one} is not known' for one in _many(data.get("size_categories")) if one not in SIZES]
    languages = [
        one
        for one in _many(data.get("language"))
        if not re.fullmatch(r"[a-z]{2,3}(-[\w-]+)?|code|multilingual", str(one))
    ]
    wrong += [f'"language" {one} must be an ISO 639 code' for one in languages]
    tags = _many(data.get("tags")) + _many(data.get("task_categories"))
    return wrong + [f"{one!r} is no text" for one in tags if not isinstance(one, str)]


def _configs(data: dict[str, Any]) -> list[str]:
    configs = _many(data.get("configs"))
    if not all(isinstance(one, dict) and one.get("config_name") for one in configs):
        return ['"configs" need a config_name each']
    names = [one["config_name"] for one in configs]
    wrong = ['"configs" must not hold a config_name twice'] if len(set(names)) < len(names) else []
    if sum(bool(one.get("default")) for one in configs) > 1:
        wrong.append('"configs" has more than one default')
    return wrong + [
        f'"configs" {n} has no data_files' for n, one in zip(names, configs, strict=True) if "data_files" not in one
    ]
