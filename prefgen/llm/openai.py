"""OpenAI's chat completions, and every server that speaks them: vLLM, llama.cpp, Ollama, SGLang, TGI, routers.

Keys: OPENAI_API_KEY goes to api.openai.com, and to OPENAI_BASE_URL where the user's environment names one; to another
``base_url`` that a recipe names it goes only where the user allows that host (``prefgen.llm.keys``). An address from
OPENAI_BASE_URL counts like ``base_url`` in all else.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from prefgen.errors import ProviderError, RowFailed
from prefgen.llm import faults, given, keys, wire
from prefgen.llm.bymodel import ByModel
from prefgen.llm.faults import Place
from prefgen.llm.prices import price_of
from prefgen.llm.request import Caching, Completion, Model, Price, Raw, Request, Sent, Usage

ACCOUNT = keys.Account(
    url="https://api.openai.com/v1",
    url_env="OPENAI_BASE_URL",
    key_envs=("OPENAI_API_KEY",),
    headers_env="OPENAI_CUSTOM_HEADERS",
    headers={"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"},
)
CACHED = 4 * 1024
"""Bytes of the shortest prompt that is kept: 1,024 tokens (platform.openai.com, prompt caching)."""
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_FINISH = {"length": "length", "content_filter": "refused"}
_BROKEN = {"error", "abort"}
"""How routers and vLLM end a choice that broke off: no reply, whatever text stands beside it."""


def missing_key(model: Model) -> str | None:
    """Why this model cannot be asked (no key, an address that is none), with the cure; None where it can."""
    return keys.missing_key(model, ACCOUNT)


class OpenAI:
    """A Provider (``prefgen.llm.request``) of the OpenAI protocol."""

    punctual = True

    def __init__(self) -> None:
        self._wire = wire.Wire("/chat/completions", ACCOUNT)
        self._sampled = ByModel(lambda model: _present(_named(model) | _sampled(model)))
        self._home = ByModel(lambda model: keys.at_home(model, ACCOUNT))
        self._place = ByModel(lambda model: keys.place(model, ACCOUNT))

    def can(self, model: Model) -> frozenset[str]:
        """OpenAI itself draws several at once and keeps to schemas; other servers take grammars as well (llama.cpp's
        field ``grammar``), and score given text in the way that ``likelihood`` names.
        """
        more = set() if self._home(model) else {"grammar"} | ({"given"} if model.likelihood else set())
        return frozenset({"n", "schema"} | more)

    def sees(self, request: Request) -> Mapping[str, Any]:
        """Model, messages, sampling, limits of form, and ``extra``; for given text, no sampling but the way."""
        asked = {"messages": _messages(request)}
        if request.given is not None:
            return asked | _present(_named(request.model) | _given(request))
        form = {"grammar": request.grammar, "schema": request.schema}
        return asked | self._sampled(request.model) | _present(form)

    def notices(self, model: Model) -> Sequence[str]:  # noqa: ARG002
        """Nothing that this protocol cannot say."""
        return ()

    def limit(self, model: Model) -> int | None:
        """What the recipe says; the provider's own limit is not known."""
        return model.max_tokens

    def price(self, model: Model) -> Price | None:
        """The list price, at its own address; or what the recipe says."""
        return price_of(model, own=self._home(model))

    def caching(self, model: Model) -> Caching | None:
        """OpenAI keeps prompts of over 1,024 tokens by itself."""
        asked = self._home(model) if model.prompt_cache is None else model.prompt_cache
        return Caching(CACHED, marked=False) if asked else None

    async def send(self, request: Request, seeds: Sequence[int]) -> Sent:
        """One exchange, ``n`` draws. A server that refuses ``n`` (llama.cpp: above its slots) gives none of them: the
        caller asks for each.
        """
        place = self._place(request.model)
        if place.url == ACCOUNT.url:
            wire.check_tools(request)
        try:
            return await self._ask(request, seeds, place)
        except RowFailed as failure:
            if len(seeds) == 1 or failure.reason != "bad_request" or place.url == ACCOUNT.url:
                raise
            return Sent([])

    async def _ask(self, request: Request, seeds: Sequence[int], place: Place) -> Sent:
        body = _body(request, seeds, own=place.url == ACCOUNT.url)
        try:
            data, limits = await self._wire.post(body, place, request.model.timeout)
        except ProviderError:
            self._place.forget()  # the key may be being changed
            raise
        return Sent(_raws(data, request, len(seeds)), limits)

    def body(self, request: Request, seeds: Sequence[int]) -> dict[str, Any]:
        """What is sent for so many draws, online or in a batch."""
        return _body(request, seeds, own=keys.address(request.model, ACCOUNT) == ACCOUNT.url)

    def raws(self, data: dict[str, Any], request: Request, draws: int) -> list[Raw]:
        """The replies in what came back for so many draws; fewer are no error. Raises TryAgain ("bad_body")."""
        return _raws(data, request, draws)

    def read(self, raw: Raw) -> Completion:
        """Text, how it ended, tokens; for given text its log-probabilities. Reasoning beside the text stays in the raw.
        Raises TryAgain ("bad_body") for a shape that is none, RowFailed ("not_scored").
        """
        try:
            message = raw["choice"]["message"]
            refusal = wire.text_of(message.get("refusal"))
            text = wire.text_of(message.get("content")) or refusal
            finish = "refused" if refusal else _finish(raw["choice"])
            logprobs = _logprobs(raw) if "given" in raw else ()
        except (KeyError, TypeError, AttributeError, ValueError) as e:
            raise faults.bad_body(f"openai/{wire.name_of(raw)}", "a malformed reply", raw) from e
        snapshot = wire.name_of(raw)
        if "given" in raw:
            return Completion(raw["given"], "stop", logprobs, self.usage(raw), snapshot)
        return Completion(text, finish, (), self.usage(raw), snapshot)

    def usage(self, raw: Raw) -> Usage:
        """Prompt and completion tokens; reasoning is among the latter, also where a server counts it in the total
        alone.
        """
        usage = raw.get("usage")
        if not isinstance(usage, dict):
            return Usage(told=False)
        prompt, completion, total = [wire.number(usage.get(name)) for name in _COUNTS]
        told, details = prompt is not None or completion is not None, usage.get("prompt_tokens_details")
        read = min(wire.count(details, "cached_tokens"), prompt or 0) if details else 0
        written = min(wire.count(details, "cache_write_tokens"), (prompt or 0) - read) if details else 0
        return Usage(prompt or 0, max(completion or 0, (total or 0) - (prompt or 0)), read, written, told)

    async def close(self) -> None:
        """Lets go of connections."""
        await self._wire.close()


# --- what is asked --------------------------------------------------------------------------


def _named(model: Model) -> dict[str, Any]:
    return {"model": model.id, "extra": dict(model.extra) or None}


def _sampled(model: Model) -> dict[str, Any]:
    return {"temperature": model.temperature, "top_p": model.top_p, "max_tokens": model.max_tokens}


def _given(request: Request) -> dict[str, Any]:
    return {"given": request.given, "likelihood": request.model.likelihood}


def _present(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if value is not None}


def _body(request: Request, seeds: Sequence[int], *, own: bool) -> dict[str, Any]:
    """The JSON to send. A null in ``extra`` takes a field out, for servers that do not know it (``seed: null``)."""
    model = request.model
    body = {"model": model.id, "messages": _messages(request)}
    if request.given is not None:
        body |= dict(model.extra) | _given_body(request)
    else:
        body |= _sampling(request, seeds, own=own) | dict(model.extra)
    return {name: value for name, value in body.items() if value is not None}


def _sampling(request: Request, seeds: Sequence[int], *, own: bool) -> dict[str, Any]:
    model = request.model
    return {
        "temperature": model.temperature,
        "top_p": model.top_p,
        # OpenAI's reasoning models refuse the old name, most other servers do not know the new one.
        "max_completion_tokens" if own else "max_tokens": model.max_tokens,
        "seed": seeds[0],
        "n": len(seeds) if len(seeds) > 1 else None,
        "grammar": request.grammar,
        "response_format": None if request.schema is None else _format(request.schema),
    }


def _format(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": dict(schema)}}


def _given_body(request: Request) -> dict[str, Any]:
    text, way = request.given or "", request.model.likelihood
    if way not in given.WAYS:
        cure = f"say how in its likelihood: {' or '.join(given.WAYS)}"
        raise ProviderError(f"{request.model.use}: its server is not known to score given text; {cure}")
    if not text:
        raise RowFailed("not_scored", "an empty text has no tokens to score")
    if way == "grammar":
        return given.forced_body(text)
    return given.prompt_body() | {"messages": [*_messages(request), {"role": "assistant", "content": text}]}


def _messages(request: Request) -> list[dict[str, str]]:
    return [{"role": turn["role"], "content": turn["content"]} for turn in request.messages]


# --- what came back -------------------------------------------------------------------------


def _raws(data: dict[str, Any], request: Request, n: int) -> list[Raw]:
    """The first ``n`` choices by index; the tokens of all of them stand at the first, where the prompt is paid."""
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices or not all(isinstance(choice, dict) for choice in choices):
        raise faults.bad_body(request.model.use, "a reply without choices", data)
    ordered = sorted(choices, key=lambda choice: wire.count(choice, "index"))[:n] if len(choices) > 1 else choices
    nothing = {"prompt_tokens": 0, "completion_tokens": 0}
    same = {"model": data.get("model"), "id": data.get("id")}
    if request.given is not None:
        same |= {"given": request.given}
        if request.model.likelihood == "prompt_logprobs":
            same |= {"prompt_logprobs": given.tail(data.get("prompt_logprobs"), request.given)}
    usages = [data.get("usage"), *[nothing] * (len(ordered) - 1)]
    return [{"choice": choice, "usage": usage, **same} for choice, usage in zip(ordered, usages, strict=True)]


def _finish(choice: Mapping[str, Any]) -> str:
    reason = choice.get("finish_reason")
    if reason in _BROKEN:
        raise ValueError(reason)
    return _FINISH.get(reason or "", "stop")


def _logprobs(raw: Raw) -> tuple[float, ...]:
    if "prompt_logprobs" in raw:
        return given.of_prompt(raw["prompt_logprobs"], raw["given"])
    return given.of_forced(raw["choice"], raw["given"])
