"""Anthropic's messages.

Keys: ANTHROPIC_API_KEY, else ANTHROPIC_AUTH_TOKEN, go to api.anthropic.com, and to ANTHROPIC_BASE_URL where the user's
environment names one; to another ``base_url`` that a recipe names only where the user allows that host
(``prefgen.llm.keys``). Profiles on disk, which the SDK also knows, are not read.

How a reply ended: ``end_turn``, ``stop_sequence``, ``tool_use`` and ``pause_turn`` are ``stop``; ``max_tokens`` and
``model_context_window_exceeded`` are ``length``; ``refusal`` is ``refused``. What is not known here is ``stop``.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prefgen.errors import ProviderError
from prefgen.llm import faults, keys, wire
from prefgen.llm.faults import Place
from prefgen.llm.prices import price_of
from prefgen.llm.request import Completion, Model, Price, Raw, Request, Sent, Usage

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

ACCOUNT = keys.Account(
    url="https://api.anthropic.com",
    url_env="ANTHROPIC_BASE_URL",
    key_envs=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    headers_env="ANTHROPIC_CUSTOM_HEADERS",
)
MAX_TOKENS = 4096
"""Where the recipe sets none; the protocol demands a number."""
_FINISH = {"max_tokens": "length", "model_context_window_exceeded": "length", "refusal": "refused"}
_PROMPT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def missing_key(model: Model) -> str | None:
    """Why this model cannot be asked (no key, an address that is none), with the cure; None where it can."""
    return keys.missing_key(model, ACCOUNT)


class Anthropic:
    """A Provider (``prefgen.llm.request``) of the Anthropic protocol: one draw a request, no seed."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], AsyncAnthropic] = {}

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
        return price_of(model, own=keys.at_home(model, ACCOUNT))

    async def send(self, request: Request, seeds: Sequence[int]) -> Sent:  # noqa: ARG002
        """One exchange, one draw; further seeds are left to the caller."""
        if request.given is not None or request.grammar is not None:
            raise ProviderError(f"{request.model.use}: anthropic neither scores given text nor keeps to a grammar")
        wire.check_tools(request)
        place = keys.place(request.model, ACCOUNT)
        timeout = request.model.timeout
        data, limits = await wire.post(self._client(place), "/v1/messages", _body(request), place, timeout)
        return Sent(self.raws(data, request, 1), limits)

    def body(self, request: Request, seeds: Sequence[int]) -> dict[str, Any]:  # noqa: ARG002
        """What is sent for one draw, online or in a batch."""
        return _body(request)

    def raws(self, data: dict[str, Any], request: Request, draws: int) -> list[Raw]:  # noqa: ARG002
        """The reply in what came back."""
        choice = {name: data.get(name) for name in ("role", "content", "stop_reason", "stop_sequence", "stop_details")}
        return [{"choice": choice, "usage": data.get("usage"), "model": data.get("model"), "id": data.get("id")}]

    def _client(self, place: Place) -> "AsyncAnthropic":
        if (place.url, place.key) not in self._clients:
            from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient, Omit

            from prefgen.llm import bounded

            headers, http = keys.withheld(place, ACCOUNT, Omit()), DefaultAsyncHttpxClient(**bounded.options())
            how: dict[str, Any] = {"base_url": place.url, "max_retries": 0, "default_headers": headers}
            made = AsyncAnthropic(auth_token=place.key, http_client=http, **how)
            self._clients[place.url, place.key] = made
        return self._clients[place.url, place.key]

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
        return Usage(wire.count(usage, *_PROMPT), wire.count(usage, "output_tokens"), told)

    async def close(self) -> None:
        """Lets go of connections."""
        while self._clients:
            await self._clients.popitem()[1].close()


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


def _format(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "schema": dict(schema)}}
