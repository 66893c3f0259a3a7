"""What models cost: a dated table, which a recipe's ``price:`` overrides. A price not known is None, never nought.

List prices without discounts, in dollars per million tokens: what is reserved and told is the most that a reply costs.
They hold at the provider's own address; who else serves a model under its name has prices of their own.
"""

import json
import re

from prefgen.llm.request import Model, Price, Request, Usage

AS_OF = "2026-10"
"""When the providers' pages said so (platform.openai.com and platform.claude.com, pricing)."""

_DOLLARS = {
    "openai/gpt-5.4": (2.5, 15.0),
    "openai/gpt-5.1": (1.25, 10.0),
    "openai/gpt-5": (1.25, 10.0),
    "openai/gpt-5-mini": (0.25, 2.0),
    "openai/gpt-5-nano": (0.05, 0.4),
    "openai/gpt-5-pro": (15.0, 120.0),
    "openai/gpt-4.1": (2.0, 8.0),
    "openai/gpt-4.1-mini": (0.4, 1.6),
    "openai/gpt-4.1-nano": (0.1, 0.4),
    "openai/gpt-4o": (2.5, 10.0),
    "openai/gpt-4o-mini": (0.15, 0.6),
    "openai/o3": (2.0, 8.0),
    "openai/o3-mini": (1.1, 4.4),
    "openai/o4-mini": (1.1, 4.4),
    "anthropic/claude-opus-5-5": (4.0, 20.0),
    "anthropic/claude-opus-5": (5.0, 25.0),
    "anthropic/claude-opus-4-6": (5.0, 25.0),
    "anthropic/claude-opus-4-5": (5.0, 25.0),
    "anthropic/claude-opus-4-1": (15.0, 75.0),
    "anthropic/claude-sonnet-5-5": (2.0, 10.0),
    "anthropic/claude-sonnet-5": (2.0, 10.0),
    "anthropic/claude-sonnet-4-6": (3.0, 15.0),
    "anthropic/claude-sonnet-4-5": (3.0, 15.0),
    "anthropic/claude-haiku-4-5": (1.0, 5.0),
}
_READ = {
    "openai/gpt-5.4": 0.1, "openai/gpt-5.1": 0.1,
    "openai/gpt-5": 0.1, "openai/gpt-5-mini": 0.1, "openai/gpt-5-nano": 0.1,
    "openai/gpt-4.1": 0.25, "openai/gpt-4.1-mini": 0.25, "openai/gpt-4.1-nano": 0.25, "openai/o3": 0.25,
    "openai/o4-mini": 0.25, "openai/gpt-4o": 0.5, "openai/gpt-4o-mini": 0.5, "openai/o3-mini": 0.5,
    "anthropic/claude-opus-5-5": 0.05, "anthropic/claude-sonnet-5-5": 0.05,
    "anthropic/claude-fable-5-1": 0.025, "anthropic/claude-mythos-5-1": 0.025,
}  # fmt: skip
"""What a token that is read from the cache costs, as a share of the price of any other. Models that are not here may
have no cache, or one whose price is not known.
"""
_ANTHROPIC_READ, _ANTHROPIC_WRITE = 0.1, 1.25
"""The same for Anthropic's other models; what is kept for five minutes costs more to write, of all."""
_DATE = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2})$")
"""How both providers mark a snapshot, which costs what its model does."""
FREE = frozenset({"local", "fake"})
"""What runs here."""
TURN = 16
"""Tokens that a protocol may put around a turn, at most."""


def price_of(model: Model, *, own: bool) -> Price | None:
    """Dollars per million tokens; ``own`` says that the model is asked at its provider's own address."""
    if model.provider in FREE:
        return model.price or {"input": 0.0, "output": 0.0}
    name = _DATE.sub("", model.use)
    found = _DOLLARS.get(name) if own else None
    price = model.price or ({"input": found[0], "output": found[1]} if found else None)
    return {**_cached(name, price["input"]), **price} if own and price and "input" in price else price


def _cached(name: str, full: float) -> Price:
    """What tokens of the cache cost at the provider's own address, by the price of the others."""
    if name.startswith("anthropic/"):
        return {"cache_read": full * _READ.get(name, _ANTHROPIC_READ), "cache_write": full * _ANTHROPIC_WRITE}
    return {"cache_read": full * _READ[name]} if name in _READ else {}


def dollars(price: Price | None, usage: Usage) -> float | None:
    """What so many tokens cost."""
    if price is None:
        return None
    full = price["input"]
    read, written = usage.cache_read * price.get("cache_read", full), usage.cache_write * price.get("cache_write", full)
    fresh = (usage.prompt - usage.cache_read - usage.cache_write) * full
    return (fresh + read + written + usage.completion * price["output"]) / 1e6


def most_sent(request: Request) -> int:
    """The most tokens that a request can come to: one is a byte at least."""
    texts = [*(turn["content"] for turn in request.messages), request.given or "", request.grammar or ""]
    sent = sum(len(text.encode("utf-8", "replace")) for text in texts) + len(str(request.schema or ""))
    sent += len(json.dumps(dict(request.model.extra), default=str)) if request.model.extra else 0
    return sent + TURN * (len(request.messages) + 4)


def most_tokens(request: Request, draws: int, limit: int | None) -> Usage | None:
    """The most that a request can be billed. None where nothing limits the reply."""
    prompt = most_sent(request)
    written = prompt if request.cache else 0
    if request.given is not None:  # scored, not written: by forced decoding a token for each byte at most
        return Usage(prompt, len(request.given.encode("utf-8", "replace")) + TURN)
    return None if limit is None else Usage(prompt, limit * draws, cache_write=written)
