"""vLLM: servers that somebody runs (``base_url``, ``base_urls``), or engines that prefgen places on the GPUs at hand.

Both speak OpenAI's protocol and are told the same, so that a reply's key does not say which of them it came from. What
differs from other servers of that protocol is here: the field of grammars, and given text by ``prompt_logprobs``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from prefgen.errors import ProviderError
from prefgen.llm import keys, wire
from prefgen.llm.bymodel import ByModel
from prefgen.llm.faults import Place
from prefgen.llm.hosts import is_private
from prefgen.llm.limits import NO_LIMITS, Limits
from prefgen.llm.openai import OpenAI
from prefgen.llm.prices import price_of
from prefgen.llm.replica import UNPLACED, Ask, asked, has_address, is_replica, settings
from prefgen.llm.request import Caching, Model, Price, Request, Sent

ACCOUNT = keys.Account(url="", url_env="", key_envs=("VLLM_API_KEY",), headers_env="")
"""It has no address of its own; a server started with a key is asked with ``api_key_env: VLLM_API_KEY``."""
OF_REPLIES = ("dtype", "generation_config", "kv_cache_dtype", "quantization", "reasoning_parser", "revision")
"""Settings of an engine that change what it replies, and so are part of a reply's key."""
FREE: Price = {"input": 0.0, "output": 0.0}


def missing_key(model: Model) -> str | None:
    """Why this model cannot be asked, with the cure; None where it can. One without servers is placed."""
    if not model.id or model.id.startswith("-"):
        return f"{model.use} names no model; write vllm/owner/name, as on the Hub, or vllm//path/of/a/folder"
    return keys.missing_key(model, ACCOUNT) if has_address(model) and not _replicated(model) else None


class VLLM(OpenAI):
    """A Provider (``prefgen.llm.request``) of vLLM; ``ask`` is how replicas are asked."""

    def __init__(self, ask: Ask | None = None) -> None:
        super().__init__()
        self._wire = _Ways(ask)
        self._place = ByModel(_place)
        self._scoring = ByModel(lambda model: replace(model, likelihood="prompt_logprobs"))

    def can(self, model: Model) -> frozenset[str]:  # noqa: ARG002
        """Everything."""
        return frozenset({"n", "given", "grammar", "schema"})

    def sees(self, request: Request) -> Mapping[str, Any]:
        """As any server of the protocol, and what of the engine changes replies."""
        said = settings(request.model)
        engine = {name: value for name, value in said.items() if name in OF_REPLIES}
        return {**super().sees(self._scored(request)), **({"engine": engine} if engine else {})}

    def notices(self, model: Model) -> Sequence[str]:
        """That servers run as they were started."""
        if model.engine and has_address(model) and not _replicated(model):
            return [f"{model.use}: its servers run as they were started; what engine says is not sent"]
        return ()

    def price(self, model: Model) -> Price | None:
        """Nothing on machines of one's own; or what the recipe says."""
        own = all(url is None or is_private(url) for url in (one.base_url for one in model.endpoints()))
        return model.price or (FREE if own else price_of(model, own=False))

    def caching(self, model: Model) -> Caching | None:  # noqa: ARG002
        """The server keeps beginnings of prompts by itself, and nobody has to wait for them."""
        return None

    async def send(self, request: Request, seeds: Sequence[int]) -> Sent:
        """One exchange, ``n`` draws."""
        return await super().send(self._scored(request), seeds)

    def _scored(self, request: Request) -> Request:
        return request if request.given is None else request._replace(model=self._scoring(request.model))


class _Ways(wire.Wire):
    """The way to a server, or to a replica."""

    def __init__(self, ask: Ask | None) -> None:
        super().__init__("/chat/completions", ACCOUNT)
        self._ask = ask

    async def post(self, body: Mapping[str, Any], place: Place, seconds: float) -> tuple[dict[str, Any], Limits]:
        """The same, in vLLM's words."""
        if is_replica(place.url):
            return await asked(self._ask, in_its_words(body), place, seconds), NO_LIMITS
        return await super().post(in_its_words(body), place, seconds)


def in_its_words(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body of this protocol as vLLM has it: a grammar stands among its structured outputs. Elsewhere it is passed
    over without a word (vLLM 0.33).
    """
    own = dict(body)
    if grammar := own.pop("grammar", None):
        own["structured_outputs"] = {"grammar": grammar}
    return own


def _replicated(model: Model) -> bool:
    return any(is_replica(one.base_url) for one in model.endpoints())


def _place(model: Model) -> Place:
    if not has_address(model):
        raise ProviderError(f"{model.use} {UNPLACED}")
    return Place(model.use, keys.address(model, ACCOUNT)) if _replicated(model) else keys.place(model, ACCOUNT)
