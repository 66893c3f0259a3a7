"""Models that prefgen places itself: which they are, and how one of their replicas is asked.

A replica has an address like a server (``replica://NAME``), so that it waits its turn, fails and rests as servers do.
Who is behind the name only the function knows that is handed in; nothing here knows of Ray.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from prefgen.errors import ProviderError
from prefgen.llm import wire
from prefgen.llm.faults import Place
from prefgen.llm.http1 import Answer
from prefgen.llm.request import Engine, Model

SCHEME = "replica://"
Ask = Callable[[str, bytes, float], Awaitable[tuple[int, Mapping[str, str], bytes]]]
"""(address, the JSON to send, seconds) to what an HTTP server would answer: status, headers, body. Raises only
``prefgen.errors``.
"""
PLACES = {"vllm": 256, "local": 32}
"""Requests in flight to one replica where the recipe does not say: vLLM decodes as many together, a local model 16."""
UNPLACED = (
    "has no address and no replicas; name its servers in base_urls: […], or let prefgen place engines on the GPUs of a"
    " Ray cluster: --engine ray"
)


def has_address(model: Model) -> bool:
    """Whether it is said where this model is asked."""
    return bool(model.base_url or model.base_urls)


def is_placed(model: Model) -> bool:
    """Whether prefgen places this model where it can: ``vllm/…`` without an address, ``local/…`` with ``replicas``."""
    if model.provider == "local":
        return "replicas" in settings(model)
    return model.provider == "vllm" and not has_address(model)


def settings(model: Model) -> Engine:
    """What is said of how it is run."""
    return model.engine or {}


def name_of(model: Model) -> str:
    """What models have in common that share replicas: weights and how they are run, whatever the sampling."""
    return json.dumps([model.use, settings(model), model.extra.get("context")], sort_keys=True, default=str)


def at(model: Model, addresses: Mapping[str, Sequence[str]]) -> Model:
    """The model at its replicas, where it has some: ``addresses`` by ``name_of``."""
    if not (found := addresses.get(name_of(model))) or not is_placed(model):
        return model
    where = {"base_url": found[0]} if len(found) == 1 else {"base_urls": tuple(found)}
    return replace(model, **where, concurrency=model.concurrency or PLACES[model.provider])


def is_replica(url: str | None) -> bool:
    """Whether an address is a replica's."""
    return bool(url and url.startswith(SCHEME))


async def asked(ask: Ask | None, body: Mapping[str, Any], place: Place, seconds: float) -> dict[str, Any]:
    """The JSON object that the replica at a place answers with. Raises only ``prefgen.errors``."""
    if ask is None:
        raise ProviderError(f"{place.use} {UNPLACED}")
    return wire.told(Answer(*await ask(place.url, wire.encoded(body, place), seconds)), place)
