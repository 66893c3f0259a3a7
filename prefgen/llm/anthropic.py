"""Anthropic's messages.

Keys: ANTHROPIC_API_KEY, else ANTHROPIC_AUTH_TOKEN, go to api.anthropic.com, and to ANTHROPIC_BASE_URL where the user's
environment names one; to another ``base_url`` that a recipe names only where the user allows that host
(``prefgen.llm.keys``). Profiles on disk, which the SDK also knows, are not read.

How a reply ended: ``end_turn``, ``stop_sequence``, ``tool_use`` and ``pause_turn`` are ``stop``; ``max_tokens`` and
``model_context_window_exceeded`` are ``length``; ``refusal`` is ``refused``. What is not known here is ``stop``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from prefgen.errors import ProviderError
from prefgen.llm import faults, keys, wire
from prefgen.llm.bymodel import ByModel
from prefgen.llm.prices import price_of
from prefgen.llm.request import Caching, Completion, Model, Part, Price, Raw, Request, Sent, Usage

ACCOUNT = keys.Account(
    url="https://api.anthropic.com",
    url_env="ANTHROPIC_BASE_URL",
    key_envs=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    headers_env="ANTHROPIC_CUSTOM_HEADERS",
    fixed={"anthropic-version": "2026-10-21"},
)
MAX_TOKENS = 4096
"""Where the recipe sets none; the protocol demands a number."""
LEAST: Mapping[int, re.Pattern[str]] = {
    512: re.compile(r"claude-(?:(?:opus|sonnet|haiku)-5-5|opus-5|(?:fable|mythos)-5(?:-1)?)(?:-\d{8})?$"),
    1024: re.compile(r"claude-(?:opus-4-8|sonnet-5|sonnet-4-[56]|opus-4-1|opus-4|sonnet-4)(?:-\d{8})?$"),
    2048: re.compile(r"claude-opus-4-7(?:-\d{8})?$"),
}
"""Tokens of the shortest beginning that is kept, and the models that are known to take as few (platform.claude.com,
prompt caching, 2026-10). A mark on less would do nothing.
"""
MOST_WANTED = 4096
"""The same of all others: the most that any model wants."""
_FINISH = {"max_tokens": "length", "model_context_window_exceeded": "length", "refusal": "refused"}
_PROMPT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def missing_key(model: Model) -> str | None:
    """Why this model cannot be asked (no key, an address that is none), with the cure; None where it can."""
    return keys.missing_key(model, ACCOUNT)


class Anthropic:
    """A Provider (``prefgen.llm.request``) of the Anthropic protocol: one draw a request, no seed."""

    punctual = True

    def __init__(self) -> None:
        self._wire = wire.Wire("/v1/messages", ACCOUNT)
        self._home = ByModel(lambda model: keys.at_home(model, ACCOUNT))
        self._place = ByModel(lambda model: keys.place(model, ACCOUNT))

    def can(self, model: Model) -> frozenset[str]:  # noqa: ARG002
        """Keeps to schemas; has no ``n``, no grammars, no log-probabilities."""
        return frozenset({"schema"})

    def sees(self, request: Request) -> Mapping[str, Any]:
        """The body, which holds nothing but what changes a reply; for text that cannot be scored, the text too."""
        return {**_body(request), **({} if request.given is None else {"given": request.given})}

    def notices(self, model: Model) -> Sequence[str]:
        """Temperature and top_p are not part of the protocol any more; ``extra`` still sends them to older models."""
        names = [name for name in ("temperature", "top_p") if getattr(model, name) is not None]
        if not names:
            return ()
        verb = "are" if len(names) > 1 else "is"
        return (f"{model.use}: anthropic takes no temperature or top_p; {' and '.join(names)} {verb} not sent",)

    def limit(self, model: Model) -> int | None:
        """What the recipe says, or what is sent in its place."""
        return model.max_tokens or MAX_TOKENS

    def price(self, model: Model) -> Price | None:
        """The list price, at its own address; or what the recipe says."""
        return price_of(model, own=self._home(model))

    def caching(self, model: Model) -> Caching | None:
        """Anthropic keeps what is marked, where it is long enough; ``extra`` with marks of its own is left as it is."""
        asked = self._home(model) if model.prompt_cache is None else model.prompt_cache
        if not asked or model.extra.keys() & {"cache_control", "messages", "system"}:
            return None
        least = next((tokens for tokens, of in LEAST.items() if of.match(model.id)), MOST_WANTED)
        return Caching(4 * least, marked=True)

    async def send(self, request: Request, seeds: Sequence[int]) -> Sent:  # noqa: ARG002
        """One exchange, one draw; further seeds are left to the caller."""
        if request.given is not None or request.grammar is not None:
            raise ProviderError(f"{request.model.use}: anthropic neither scores given text nor keeps to a grammar")
        wire.check_tools(request)
        place = self._place(request.model)
        try:
            data, limits = await self._wire.post(_marked(_body(request), request.cache), place, request.model.timeout)
        except ProviderError:
            self._place.forget()  # the key may be being changed
            raise
        return Sent(self.raws(data, request, 1), limits)

    def body(self, request: Request, seeds: Sequence[int]) -> dict[str, Any]:  # noqa: ARG002
        """What is sent for one draw, but for marks in it."""
        return _body(request)

    def raws(self, data: dict[str, Any], request: Request, draws: int) -> list[Raw]:  # noqa: ARG002
        """The reply in what came back."""
        choice = {name: data.get(name) for name in ("role", "content", "stop_reason", "stop_sequence", "stop_details")}
        return [{"choice": choice, "usage": data.get("usage"), "model": data.get("model"), "id": data.get("id")}]

    def read(self, raw: Raw) -> Completion:
        """The text blocks, put together; thinking stays in the raw. Raises TryAgain ("bad_body")."""
        choice = raw.get("choice")
        if not isinstance(choice, dict) or not isinstance(choice.get("content"), list):
            raise faults.bad_body(f"anthropic/{wire.name_of(raw)}", "a reply without content", raw)
        try:
            text = wire.text_of(choice["content"])
            finish = _FINISH.get(choice.get("stop_reason") or "", "stop")
        except TypeError as e:
            raise faults.bad_body(f"anthropic/{wire.name_of(raw)}", "content that is no text", raw) from e
        return Completion(text, finish, (), self.usage(raw), wire.name_of(raw))

    def usage(self, raw: Raw) -> Usage:
        """Input tokens, those of the cache among them, and output tokens."""
        usage = raw.get("usage")
        told = wire.tells(usage, *_PROMPT) and wire.tells(usage, "output_tokens")
        written, read = wire.count(usage, _PROMPT[1]), wire.count(usage, _PROMPT[2])
        return Usage(wire.count(usage, *_PROMPT), wire.count(usage, "output_tokens"), read, written, told)

    async def close(self) -> None:
        """Lets go of connections."""
        await self._wire.close()


def _body(request: Request) -> dict[str, Any]:
    """The JSON to send: system turns apart from the others, as the protocol has them. ``extra`` is laid over it, and
    a null in it takes a field out.
    """
    model = request.model
    turns = [{"role": turn["role"], "content": turn["content"]} for turn in request.messages]
    system = "\n\n".join(turn["content"] for turn in turns if turn["role"] == "system")
    body = {
        "model": model.id,
        "max_tokens": model.max_tokens or MAX_TOKENS,
        "messages": [turn for turn in turns if turn["role"] != "system"],
        "system": system or None,
        "output_config": None if request.schema is None else _format(request.schema),
        **model.extra,
    }
    return {name: value for name, value in body.items() if value is not None}


def _marked(body: dict[str, Any], cache: frozenset[Part]) -> dict[str, Any]:
    """The body with marks at the ends of what is shared. A text, and a list of one block of that text, are the same to
    the model; so marks are no part of the key.
    """
    if "system" in cache:
        body["system"] = [_block(body["system"])]
    if "prompt" in cache:
        *before, last = body["messages"]
        body["messages"] = [*before, {**last, "content": [_block(last["content"])]}]
    return body


def _block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}


def _format(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "schema": dict(schema)}}
