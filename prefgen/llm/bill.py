"""What an exchange costs: the most that it can, before it is sent, and what each of its replies came to.

A reply that does not say its tokens counts as the most that its exchange can cost: nothing is free because nobody said
what it is.
"""

from collections.abc import Sequence
from typing import NamedTuple

from prefgen.llm.prices import dollars, most_tokens
from prefgen.llm.request import Provider, Raw, Request, Usage


class Bill(NamedTuple):
    """Tokens and dollars of one reply (None where no price is known); ``untold`` where the tokens are not known, and
    the dollars are the most that they can be.
    """

    usage: Usage = Usage()
    dollars: float | None = 0.0
    untold: bool = False


def most(provider: Provider, request: Request, draws: int) -> float | None:
    """The most dollars that so many draws of a request can cost; None where nothing says it."""
    tokens = most_tokens(request, draws, provider.limit(request.model))
    return dollars(provider.price(request.model), tokens) if tokens else None


def bills(provider: Provider, request: Request, raws: Sequence[Raw], draws: int) -> list[Bill]:
    """What each reply of an exchange came to, of which so many draws were asked."""
    price, found = provider.price(request.model), [provider.usage(raw) for raw in raws]
    told = [Bill(usage, dollars(price, usage)) for usage in found]
    if all(usage.told for usage in found):
        return told
    untold = Bill(dollars=most(provider, request, draws), untold=price is not None)
    return [one if usage.told else untold for one, usage in zip(told, found, strict=True)]
