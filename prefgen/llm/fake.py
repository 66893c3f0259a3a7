"""Functions that stand in for models: ``use: fake/NAME`` asks the function of that name. For tests and for trying out.

A function takes ``(request, seed)`` and gives the reply's text, or a Completion where more than the text matters
(how it ended, tokens, log-probabilities of given text). It may be async, and may raise any of ``prefgen.errors``.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from prefgen.errors import ProviderError
from prefgen.llm import faults, wire
from prefgen.llm.prices import price_of
from prefgen.llm.request import Caching, Completion, Model, Price, Raw, Request, Sent, Usage

Written = str | Completion
Writer = Callable[[Request, int], Written | Awaitable[Written]]
ALL = frozenset({"n", "given", "grammar", "schema"})


class Fake:
    """A Provider (``prefgen.llm.request``) without a network. ``abilities`` is what its models can; all there is."""

    punctual = False

    def __init__(self, functions: Mapping[str, Writer], abilities: frozenset[str] = ALL) -> None:
        self._functions, self._abilities = dict(functions), abilities

    def can(self, model: Model) -> frozenset[str]:  # noqa: ARG002
        """Whatever it was made with."""
        return self._abilities

    def sees(self, request: Request) -> Mapping[str, Any]:
        """The request's content, and the sampling that a function may look at."""
        model = request.model
        return {
            "model": model.id,
            "messages": [{"role": turn["role"], "content": turn["content"]} for turn in request.messages],
            "given": request.given,
            "grammar": request.grammar,
            "schema": request.schema,
            "temperature": model.temperature,
            "max_tokens": model.max_tokens,
        }

    def notices(self, model: Model) -> Sequence[str]:  # noqa: ARG002
        """Nothing is sent, and nothing left out."""
        return ()

    def limit(self, model: Model) -> int | None:
        """What the recipe says."""
        return model.max_tokens

    def price(self, model: Model) -> Price | None:
        """Nothing; or what the recipe says."""
        return price_of(model, own=False)

    def caching(self, model: Model) -> Caching | None:  # noqa: ARG002
        """Keeps nothing."""
        return None

    async def send(self, request: Request, seeds: Sequence[int]) -> Sent:
        """One reply for each seed, in their order."""
        write = self._function(request.model)
        return Sent([_raw(await _awaited(write(request, seed)), request.model.id) for seed in seeds])

    def _function(self, model: Model) -> Writer:
        if model.id in self._functions:
            return self._functions[model.id]
        known = ", ".join(f"fake/{name}" for name in sorted(self._functions)) or "none"
        cure = 'fakes are functions, handed in as prefgen.run(fakes={"NAME": function})'
        raise ProviderError(f"no fake model '{model.use}' (known: {known}); {cure}")

    def read(self, raw: Raw) -> Completion:
        """The Completion as the function made it. Raises TryAgain ("bad_body") for a raw that is not of this kind."""
        try:
            choice = raw["choice"]
            text, finish = wire.text_of(choice["text"]), wire.text_of(choice["finish"])
            logprobs = tuple(map(float, choice["logprobs"]))
            return Completion(text, finish, logprobs, self.usage(raw), wire.name_of(raw))
        except (KeyError, TypeError, ValueError, ArithmeticError) as e:
            raise faults.bad_body("fake", "not a fake's reply", raw) from e

    def usage(self, raw: Raw) -> Usage:
        """What the function's Completion said."""
        return Usage(wire.count(raw.get("usage"), "prompt"), wire.count(raw.get("usage"), "completion"))

    async def close(self) -> None:
        """Holds nothing."""


async def _awaited(written: Written | Awaitable[Written]) -> Written:
    return await written if inspect.isawaitable(written) else written


def _raw(written: Written, name: str) -> Raw:
    done = Completion(written) if isinstance(written, str) else written
    if not isinstance(done, Completion):
        raise TypeError(f"fake/{name} gave {type(done).__name__}; a str or a Completion is wanted")
    choice = {"text": done.text, "finish": done.finish, "logprobs": list(done.logprobs)}
    usage = {"prompt": done.usage.prompt, "completion": done.usage.completion}
    return {"choice": choice, "usage": usage, "model": done.snapshot or name, "id": ""}
