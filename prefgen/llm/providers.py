"""Who speaks to which endpoint: the part of a model's name before the slash, and the module that knows its protocol."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from prefgen.errors import ProviderError, nearest
from prefgen.llm import keys, weights
from prefgen.llm.replica import Ask, is_placed
from prefgen.llm.request import Model, Provider

PROVIDERS = {
    "openai": ("prefgen.llm.openai", "OpenAI"),
    "anthropic": ("prefgen.llm.anthropic", "Anthropic"),
    "vllm": ("prefgen.llm.vllm", "VLLM"),
    "local": ("prefgen.llm.local", "Local"),
    "fake": ("prefgen.llm.fake", "Fake"),
}


def make_provider(name: str, fakes: Mapping[str, Any], ask: Ask | None = None) -> Provider:
    """The provider of this name, imported when it is first needed; ``ask`` is how replicas are asked, where models
    have some. Raises ProviderError for an unknown one.
    """
    if name not in PROVIDERS:
        raise ProviderError(f"no provider '{name}'; {nearest(name, PROVIDERS)}")
    module, kind = PROVIDERS[name]
    handed: dict[str, dict[str, Any]] = {"fake": {"functions": fakes}, "vllm": {"ask": ask}, "local": {"ask": ask}}
    made: Provider = getattr(import_module(module), kind)(**handed.get(name, {}))
    return made


def trouble(model: Model, fakes: Mapping[str, Any]) -> str | None:
    """Why this model cannot be asked from here (no key, no such fake, no runtime), before anything is sent."""
    if model.provider == "fake":
        known = ", ".join(sorted(fakes)) or "none was handed in"
        return None if model.id in fakes else f"no function for {model.use}; hand it to run(fakes=…) ({known})"
    module = import_module(PROVIDERS[model.provider][0])
    found: str | None = module.missing_key(model)
    return found


def astray(model: Model) -> str | None:
    """Why a key that a recipe names may not go where it sends it, with the cure."""
    known = getattr(import_module(PROVIDERS[model.provider][0]), "ACCOUNT", None)
    return keys.astray(model, known) if known else None


def touches(model: Model) -> list[str]:
    """What a run reaches of the world when it asks this model, in words for the user; nothing, where it is known and
    here.
    """
    if model.provider == "local" and model.id in weights.KNOWN:
        return []
    if model.provider == "local" or is_placed(model):
        return [f"runs the weights {model.id}"]
    known = getattr(import_module(PROVIDERS[model.provider][0]), "ACCOUNT", None)
    return keys.touches(model, known) if known else []
