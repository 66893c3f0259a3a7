"""What the room is asked and what it answers; the only shapes that cross its door."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, Protocol

from annotated_types import Ge, Gt, Le

from prefgen.llm.limits import Limits

Raw = dict[str, Any]
"""One reply as the provider sent it: ``{"choice": …, "usage": …, "model": …, "id": …}``, all of it JSON."""


Price = Mapping[Literal["input", "output"], Annotated[float, Ge(0)]]
"""Dollars per million tokens."""


@dataclass(frozen=True)
class Model:
    """One endpoint and how it is sampled.

    ``use`` is ``provider/model``; ``base_urls`` are several servers of it: each request goes to the least busy one;
    ``concurrency`` is the most requests in flight to each, ``rpm`` and ``tpm`` the requests and tokens per minute that
    the account allows, where its provider's headers do not say; ``timeout`` is the total deadline of one call in
    seconds; ``price`` is dollars per million tokens (``input`` and ``output``); ``likelihood`` says how its server
    scores given text; ``batch`` whether its server has its protocol's batches (None: at the provider's own address
    alone); ``extra`` goes into the body as it is. ``trusted`` are the hosts to which its user lets a key go:
    no setting of a recipe.
    """

    use: str
    base_url: str | None = None
    base_urls: Sequence[str] = ()
    api_key_env: str | None = None
    temperature: Annotated[float, Ge(0)] | None = None
    top_p: Annotated[float, Gt(0), Le(1)] | None = None
    max_tokens: Annotated[int, Ge(1)] | None = None
    concurrency: Annotated[int, Ge(1)] | None = None
    rpm: Annotated[float, Gt(0)] | None = None
    tpm: Annotated[float, Gt(0)] | None = None
    timeout: Annotated[float, Gt(0)] = 600.0
    price: Price | None = None
    likelihood: Literal["grammar", "prompt_logprobs"] | None = None
    batch: bool | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    trusted: frozenset[str] = frozenset()

    @property
    def provider(self) -> str:
        """The part before the first slash: openai, anthropic, local, fake."""
        return self.use.partition("/")[0]

    @property
    def id(self) -> str:
        """The part after the first slash: the name that the provider knows."""
        return self.use.partition("/")[2]

    def endpoints(self) -> "tuple[Model, ...]":
        """The same model at each of its addresses."""
        return tuple(replace(self, base_url=url, base_urls=()) for url in self.base_urls) or (self,)


@dataclass(frozen=True)
class Request:
    """One prompt for one model. ``given`` asks for that text's log-probabilities instead of new text."""

    model: Model
    messages: Sequence[Mapping[str, str]]
    given: str | None = None
    grammar: str | None = None
    schema: Mapping[str, Any] | None = None
    seed: int = 0


@dataclass(frozen=True)
class Usage:
    """Tokens of one reply; a prompt shared by several draws is counted once, at the first of them. ``told`` says
    whether the reply says how many they are.
    """

    prompt: int = 0
    completion: int = 0
    told: bool = field(default=True, compare=False)


@dataclass(frozen=True)
class Sent:
    """What one exchange brought: replies, and the limits that the provider states beside them."""

    raws: Sequence[Raw]
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Completion:
    """A reply, read: ``finish`` is stop, length or refused; ``logprobs`` are natural, one per token of given text."""

    text: str
    finish: str = "stop"
    logprobs: tuple[float, ...] = ()
    usage: Usage = Usage()
    snapshot: str = ""


class Provider(Protocol):
    """What speaks to one kind of endpoint. Raises only ``prefgen.errors``."""

    def can(self, model: Model) -> frozenset[str]:
        """Of ``n`` (several draws in one request), ``given``, ``grammar`` and ``schema``: what this endpoint does."""

    def sees(self, request: Request) -> Mapping[str, Any]:
        """All of a request that can change its reply; hashed into the journal's key."""

    def notices(self, model: Model) -> Sequence[str]:
        """What of the model's settings will not be sent, in words for the user."""

    def limit(self, model: Model) -> int | None:
        """The most tokens that one reply may have; None where nothing says so."""

    def price(self, model: Model) -> Price | None:
        """What this model costs where it is asked; None where nobody knows."""

    async def send(self, request: Request, seeds: Sequence[int]) -> Sent:
        """One exchange for ``len(seeds)`` draws; fewer replies than asked are no error."""

    def read(self, raw: Raw) -> Completion:
        """A stored reply, decoded; pure. Raises TryAgain for one that holds no reply, RowFailed for one of no use."""

    def usage(self, raw: Raw) -> Usage:
        """The tokens that a reply is billed with, also where it holds no reply."""

    async def close(self) -> None:
        """Lets go of connections."""


def key(sees: Mapping[str, Any], draw: int, seed: int) -> bytes:
    """The journal's key: what the provider sees, which draw, and the recipe's seed; nothing else."""
    text = json.dumps([sees, draw, seed], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def seed_of(key: bytes) -> int:
    """A seed for the provider's sampler, 31 bits, from the draw's own key."""
    return int.from_bytes(key[:4], "big") & 0x7FFFFFFF
