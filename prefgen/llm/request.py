"""What the room is asked and what it answers; the only shapes that cross its door."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import orjson
from annotated_types import Ge, Gt, Le
from typing_extensions import TypedDict

from prefgen.llm.limits import NO_LIMITS, Limits

Raw = dict[str, Any]
"""One reply as the provider sent it: ``{"choice": …, "usage": …, "model": …, "id": …}``, all of it JSON."""


Price = Mapping[Literal["input", "output", "cache_read", "cache_write"], Annotated[float, Ge(0)]]
"""Dollars per million tokens; those of a prompt that are read from, or written into, the provider's cache cost as the
others where nothing is said.
"""
Part = Literal["system", "prompt"]
"""A beginning of a prompt: its system turns, or all of it."""


Count = Annotated[int, Ge(1)]


class Engine(TypedDict, total=False):
    """How a model is run that prefgen places itself (``vllm/…`` without an address, ``local/…``): on how many
    ``replicas``, and what each of them is started with, by vLLM's own names; ``threads`` are a ``local/…`` model's.
    """

    replicas: Count
    threads: Count
    tensor_parallel_size: Count
    pipeline_parallel_size: Count
    max_model_len: Count
    max_num_seqs: Count
    max_num_batched_tokens: Count
    gpu_memory_utilization: Annotated[float, Gt(0), Le(1)]
    cpu_offload_gb: Annotated[float, Ge(0)]
    enable_prefix_caching: bool
    enforce_eager: bool
    dtype: str
    quantization: str
    kv_cache_dtype: str
    revision: str
    reasoning_parser: str
    generation_config: Literal["auto", "vllm"]


@dataclass(frozen=True)
class Model:
    """One endpoint and how it is sampled.

    ``use`` is ``provider/model``; ``base_urls`` are several servers of it: each request goes to the least busy one;
    ``concurrency`` is the most requests in flight to each, ``rpm`` and ``tpm`` the requests and tokens per minute that
    the account allows, where its provider's headers do not say; ``timeout`` is the total deadline of one call in
    seconds; ``price`` is dollars per million tokens (``input`` and ``output``, ``cache_read`` and ``cache_write``);
    ``likelihood`` says how its server scores given text; ``prompt_cache`` whether to send so that the provider can keep
    what prompts begin with (where nothing is said, at Anthropic's and OpenAI's own addresses); ``batch`` whether its
    server has its protocol's batches (the same); ``engine`` says how a model is run that is placed (``Engine``);
    ``extra`` goes into the body as it is. ``trusted`` are the hosts to which its user lets a key go: no setting of a
    recipe.
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
    prompt_cache: bool | None = None
    batch: bool | None = None
    engine: Engine | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    trusted: frozenset[str] = frozenset()

    @property
    def provider(self) -> str:
        """The part before the first slash: openai, anthropic, vllm, local, fake."""
        return self.use.partition("/")[0]

    @property
    def id(self) -> str:
        """The part after the first slash: the name that the provider knows."""
        return self.use.partition("/")[2]

    def endpoints(self) -> "tuple[Model, ...]":
        """The same model at each of its addresses."""
        return tuple(replace(self, base_url=url, base_urls=()) for url in self.base_urls) or (self,)


class Request(NamedTuple):
    """One prompt for one model. ``given`` asks for that text's log-probabilities instead of new text. ``cache`` are the
    parts of the prompt that others share, for the provider to keep: no part of what is asked.
    """

    model: Model
    messages: Sequence[Mapping[str, str]]
    given: str | None = None
    grammar: str | None = None
    schema: Mapping[str, Any] | None = None
    seed: int = 0
    cache: frozenset[Part] = frozenset()


@dataclass(frozen=True)
class Caching:
    """How a provider keeps beginnings of prompts: those of at least so many bytes; ``marked`` where it is to be told
    which, and asks more for keeping them.
    """

    least: int
    marked: bool


@dataclass(slots=True)  # frozen, it takes four times as long to make, and one is made for each reply
class Usage:
    """Tokens of one reply; a prompt shared by several draws is counted once, at the first of them. Of the prompt's,
    ``cache_read`` came from the provider's cache and ``cache_write`` went into it. ``told`` says whether the reply says
    how many they are.
    """

    prompt: int = 0
    completion: int = 0
    cache_read: int = 0
    cache_write: int = 0
    told: bool = field(default=True, compare=False)


class Sent(NamedTuple):
    """What one exchange brought: replies, and the limits that the provider states beside them."""

    raws: Sequence[Raw]
    limits: Limits = NO_LIMITS


class Completion(NamedTuple):
    """A reply, read: ``finish`` is stop, length or refused; ``logprobs`` are natural, one per token of given text."""

    text: str
    finish: str = "stop"
    logprobs: tuple[float, ...] = ()
    usage: Usage = Usage()
    snapshot: str = ""


class Provider(Protocol):
    """What speaks to one kind of endpoint. Raises only ``prefgen.errors``. One that is ``punctual`` keeps to a model's
    timeout itself; others are given up when it has passed.
    """

    @property
    def punctual(self) -> bool:
        """Whether ``send`` ends in time."""

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

    def caching(self, model: Model) -> Caching | None:
        """How this endpoint keeps beginnings of prompts; None where it does not, or nobody asked it to."""

    async def send(self, request: Request, seeds: Sequence[int]) -> Sent:
        """One exchange for ``len(seeds)`` draws; fewer replies than asked are no error."""

    def read(self, raw: Raw) -> Completion:
        """A stored reply, decoded; pure. Raises TryAgain for one that holds no reply, RowFailed for one of no use."""

    def usage(self, raw: Raw) -> Usage:
        """The tokens that a reply is billed with, also where it holds no reply."""

    async def close(self) -> None:
        """Lets go of connections."""


_ENCODE = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


def key(sees: Mapping[str, Any], draw: int, seed: int) -> bytes:
    """The journal's key: what the provider sees, which draw, and the recipe's seed; nothing else."""
    return keys(sees, [draw], seed)[0]


def keys(sees: Mapping[str, Any], draws: Sequence[int], seed: int, *, plain: bool = False) -> list[bytes]:
    """The same for several draws: what is before their numbers is written and hashed once. ``plain`` says that all in
    it but text is spelt alike by orjson, which is ten times as fast.
    """
    begun = hashlib.sha256(b"[" + _spelt(sees, plain=plain) + b",")
    if len(draws) == 1:
        return [_ended(begun, f"{draws[0]},{seed}]")]
    return [_ended(begun.copy(), f"{draw},{seed}]") for draw in draws]


def is_plain(sees: Mapping[str, Any]) -> bool:
    """Whether orjson spells this as keys have it: of small numbers it does not."""
    try:
        return _spelt(sees, plain=True) == _spelt(sees, plain=False)
    except TypeError:
        return False


def _spelt(value: Any, *, plain: bool) -> bytes:
    if plain:
        try:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:  # half a surrogate pair
            pass
    return _ENCODE(value).encode("utf-8", "surrogatepass")


def _ended(begun: Any, rest: str) -> bytes:
    begun.update(rest.encode())
    return bytes(begun.digest())


def seed_of(key: bytes) -> int:
    """A seed for the provider's sampler, 31 bits, from the draw's own key."""
    return int.from_bytes(key[:4], "big") & 0x7FFFFFFF
