"""The models of a recipe: each a pool of endpoints, checked before anything is sent."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from prefgen.allow import NOTHING, Allow
from prefgen.errors import Problem, ProviderError
from prefgen.llm import providers
from prefgen.llm.request import Model, Provider
from prefgen.recipe import Recipe
from prefgen.settings import check

_OWN = frozenset({"use", "trusted"})
"""What ``check`` leaves alone: it is read here, or is no setting."""

_CHEAP = frozenset({
    "temperature", "top_p", "top_k", "min_p", "typical_p", "seed", "stop", "stop_sequences", "presence_penalty",
    "frequency_penalty", "repetition_penalty", "repeat_penalty", "logit_bias", "logprobs", "top_logprobs", "min_tokens",
    "reasoning", "reasoning_effort", "thinking", "verbosity", "output_config", "response_format", "metadata",
    "chat_template_kwargs", "user", "store", "safety_identifier", "prompt_cache_key",
})  # fmt: skip
"""What ``extra`` may say where money has a limit: nothing by which a request costs more than texts and max_tokens."""

_WHERE = ("base_url", "base_urls", "api_key_env")
"""What says where a key goes, or which."""


@dataclass
class Pools:
    """The endpoints of each model (several where ``use:`` is a pool), and what was found on the way: what is wrong,
    what will not be sent, and which hosts are asked.

    A model that is wrong has none. ``keys=False`` lets one stand whose key is not set, and so does a model that no step
    asks.
    """

    recipe: Recipe
    fakes: dict[str, Any]
    keys: bool = True
    allow: Allow = NOTHING
    problems: list[Problem] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    touches: list[str] = field(default_factory=list)

    def all(self) -> Mapping[str, tuple[Model, ...]]:
        """Every model of the recipe."""
        return {name: self._pool(name, settings) for name, settings in self.recipe.models.items()}

    def _pool(self, name: str, settings: Mapping[str, Any]) -> tuple[Model, ...]:
        given = dict(settings)
        use = given.pop("use", None)
        if callable(use):
            self.fakes[name], use = use, f"fake/{name}"
        uses = use if isinstance(use, list | tuple) else [use]
        if not uses or not all(isinstance(one, str) and "/" in one for one in uses):
            what, cure = f"use is {use!r:.60}", "write provider/model, such as openai/gpt-4.1-mini"
            if "use" not in settings:
                what, cure = "has no `use`", "write use: provider/model, such as openai/gpt-4.1-mini"
            self._problem(name, "use", what, cure)
            return ()
        for one in sorted({one for one in uses if uses.count(one) > 1}):
            self._problem(name, "use", f"use names {one} {uses.count(one)} times", "draws of one model are one pool's")
        checked, wrong = check(f"model {name}", Model, given, _OWN)
        for one in wrong:
            self._problem(name, one.name, one.what, one.cure)
        if "price" in checked and checked["price"] is not None and len(checked["price"]) < 2:
            self._problem(name, "price", "price says but one of input and output", "say both, in $ per 1M tokens")
        if checked.get("engine") and not all(str(one).startswith(("vllm/", "local/")) for one in uses):
            self._problem(name, "engine", "engine is for vllm/… and local/…", "take it out; others run where they are")
            return ()
        pool = () if wrong else tuple(Model(use=one, trusted=self._trusted(name, settings), **checked) for one in uses)
        return pool if sum(self._stands(name, model) for model in pool) == len(pool) else ()

    def _stands(self, name: str, model: Model) -> bool:
        """Whether there is such a provider; notes what keeps it from being asked, and what it will not be sent."""
        try:
            provider = providers.make_provider(model.provider, self.fakes)
            trouble = providers.trouble(model, self.fakes)
        except ProviderError as e:
            self._problem(name, "use", *str(e).split("; ", 1))
            return False
        place = next((key for key in _WHERE if key in self.recipe.models[name]), "use")
        if self._asked(name) and (wrong := providers.astray(model)):
            self._problem(name, place, *wrong.split("; ", 1))
        elif trouble and self.keys and self._asked(name):
            self._problem(name, place, *trouble.split("; ", 1))
        elif trouble and self._asked(name):
            self.notices.append(f"{name}: {trouble}")
        self.touches += providers.touches(model) if self._asked(name) else []
        self.notices += [f"{name}: {notice}" for notice in provider.notices(model)]
        if self.recipe.max_cost is not None and self._asked(name):
            self._limited(name, model, provider)
        return True

    def _trusted(self, name: str, settings: Mapping[str, Any]) -> frozenset[str]:
        """Hosts to which a key may go: those that the caller allows, and those of addresses that he wrote himself."""
        typed = [key for key in ("base_url", "base_urls") if self.recipe.typed("models", name, key)]
        given = [settings.get(key) or () for key in typed]
        urls = [url for one in given for url in ([one] if isinstance(one, str) else one) if isinstance(url, str)]
        return frozenset([*self.allow.hosts, *urls])

    def _limited(self, name: str, model: Model, provider: Provider) -> None:
        """Notes what keeps a limit on money from being kept: no price, or replies without an end."""
        price, what = provider.price(model), "max_cost is set, and"
        if price is None:
            cure = "say its price: {input: …, output: …}, in $ per 1M tokens"
            self._problem(name, "price", f"{what} what {model.use} costs is not known", cure)
        elif price.get("output") and provider.limit(model) is None:
            self._problem(name, "max_tokens", f"{what} how long its replies may be is not", "say max_tokens")
        if any((price or {}).values()) and (more := sorted(model.extra.keys() - _CHEAP)):
            said = f"{what} what a request costs with {' and '.join(more)} in extra is not known"
            self._problem(name, "extra", said, "take it out, and use settings of the model such as max_tokens")

    def _asked(self, name: str) -> bool:
        """Whether a step asks this model; one that none asks needs no key. Without steps, all are."""
        steps = self.recipe.steps.values()
        return not steps or any(step.settings.get("model") == name for step in steps)

    def _problem(self, name: str, setting: str, what: str, cure: str = "") -> None:
        self.problems.append(Problem(self.recipe.where("models", name, setting), name, what, cure))


_WANTS = {
    "given": (
        "give the log-probabilities of a given text",
        "local/… and vllm/… can, and servers with `likelihood: grammar` (llama.cpp)",
    ),
    "grammar": ("write under a grammar", "local/… and vllm/… can, and llama.cpp behind a base_url"),
    "schema": ("write under a JSON schema", "use a model that can"),
}


def lacking(wants: AbstractSet[str], pool: Sequence[Model], fakes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the models of a pool cannot do of what a part wants, and what would do."""
    for model in pool:
        for want in sorted(wants - providers.make_provider(model.provider, fakes).can(model)):
            yield f"{model.use} cannot {_WANTS[want][0]}", _WANTS[want][1]
