"""Models that run here: llama.cpp in this process, by way of xllamacpp. No key, no server, no hub.

``local/smollm2-135m`` is SmolLM2-135M-Instruct (see ``weights``), ``local/PATH.gguf`` any file, ``local/hf:owner/repo/
file.gguf`` one from the Hub. Each draw has a seed of its own. Still, what is decoded together is added up in another
order than what is decoded alone, and a token on the edge may tip: two fresh runs can differ in a text, and the journal
is what makes a run repeatable.
"""

import asyncio
import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from prefgen.errors import RowFailed, RunError
from prefgen.llm import faults, given, weights, wire
from prefgen.llm.faults import Place
from prefgen.llm.prices import price_of
from prefgen.llm.replica import Ask, asked, is_replica
from prefgen.llm.request import Caching, Completion, Model, Price, Raw, Request, Sent, Usage

SLOTS = 16
"""Requests that are decoded together; measured: 32 gain nothing over 16 on two cores."""
CONTEXT = 2048
"""Tokens of one slot; ``extra: {context: 4096}`` for more."""
TEMPERATURE, TOP_P, MAX_TOKENS = 0.7, 0.9, 512
"""What holds where a recipe says nothing; llama.cpp's own defaults change between its versions."""

_ABILITIES = frozenset({"given", "grammar", "schema"})


def missing_key(model: Model) -> str | None:
    """Why this model cannot run here; None where it can. No key is needed."""
    if find_spec("xllamacpp") is None:
        return f"{model.use} runs on xllamacpp, which is not installed; pip install 'prefgen[local]'"
    own = model.id not in weights.KNOWN and not model.id.startswith("hf:")
    if own and weights.find(model.id) is None:
        names = ", ".join(f"local/{name}" for name in weights.KNOWN)
        return f"{model.use}: no such file; name a GGUF file, or one of {names}"
    return None


class Local:
    """A Provider (``prefgen.llm.request``) without a wire. Each file is loaded once, when it is first asked;
    ``identities`` are those of files that need not be here any more, by ``use``; ``ask`` is how replicas are asked.
    """

    punctual = False

    def __init__(self, identities: Mapping[str, str] | None = None, ask: Ask | None = None) -> None:
        self._identities, self._ask = dict(identities or {}), ask
        self._engines: dict[tuple[str, int], Loaded] = {}
        self._paths: dict[str, Path] = {}
        self._lock = threading.Lock()

    def can(self, model: Model) -> frozenset[str]:  # noqa: ARG002
        """Everything but several draws in one request: each draw has its own seed."""
        return _ABILITIES

    def sees(self, request: Request) -> Mapping[str, Any]:
        """The weights (known ones by name, files by what is in them), messages, sampling, limits of form."""
        asked: dict[str, Any] = {"model": self._identity(request.model), "messages": _messages(request)}
        if request.given is not None:
            return asked | {"given": request.given}
        form = {"grammar": request.grammar, "schema": request.schema}
        return asked | _sampling(request.model) | {name: value for name, value in form.items() if value is not None}

    def notices(self, model: Model) -> Sequence[str]:  # noqa: ARG002
        """Nothing is left out."""
        return ()

    def limit(self, model: Model) -> int | None:
        """What the recipe says, or what holds where it says nothing."""
        return model.max_tokens or MAX_TOKENS

    def price(self, model: Model) -> Price | None:
        """Nothing; or what the recipe says."""
        return price_of(model, own=False)

    def caching(self, model: Model) -> Caching | None:  # noqa: ARG002
        """Keeps nothing."""
        return None

    async def send(self, request: Request, seeds: Sequence[int]) -> Sent:
        """One reply for each seed."""
        bodies = [_body(request, seed) for seed in seeds]
        if is_replica(url := request.model.base_url):
            place, seconds = Place(request.model.use, str(url)), request.model.timeout
            answers = await asyncio.gather(*(asked(self._ask, body, place, seconds) for body in bodies))
        else:
            engine = await asyncio.to_thread(self._engine, request.model)
            loop = asyncio.get_running_loop()
            answers = await asyncio.gather(*(loop.run_in_executor(engine.pool, engine.ask, body) for body in bodies))
        return Sent([_raw(answer, request) for answer in answers])

    def read(self, raw: Raw) -> Completion:
        """Text, how it ended, tokens; for given text its log-probabilities. Raises RowFailed ("not_scored")."""
        try:
            choice, tokens, name = raw["choice"], self.usage(raw), wire.name_of(raw)
            if "given" in raw:
                return Completion(raw["given"], "stop", given.of_forced(choice, raw["given"]), tokens, name)
            text = wire.text_of(choice["message"]["content"]).removeprefix(raw.get("prefill", ""))
            finish = "length" if choice["finish_reason"] == "length" else "stop"
        except (KeyError, TypeError, AttributeError) as e:
            raise faults.bad_body("local", "a malformed reply", raw) from e
        return Completion(text, finish, (), tokens, name)

    def usage(self, raw: Raw) -> Usage:
        """Prompt and completion tokens."""
        usage = raw.get("usage")
        return Usage(wire.count(usage, "prompt_tokens"), wire.count(usage, "completion_tokens"))

    def _identity(self, model: Model) -> str:
        return self._identities.get(model.use) or identity(model)

    async def close(self) -> None:
        """Lets what is being decoded come to its end, and the models go."""
        engines, self._engines = list(self._engines.values()), {}
        for engine in engines:
            await asyncio.to_thread(engine.pool.shutdown)

    def _engine(self, model: Model) -> "Loaded":
        context = context_of(model)
        with self._lock:
            path = self._paths.get(model.id) or weights.pull(model.id)
            self._paths[model.id] = path
            if (str(path), context) not in self._engines:
                self._engines[str(path), context] = Loaded(path, context)
            return self._engines[str(path), context]


class Loaded:
    """One loaded model, and the threads that wait for its slots; it decodes on so many ``threads``, or on all cores."""

    def __init__(self, path: Path, context: int, threads: int | None = None) -> None:
        # With the default, libgomp's barriers spin so long that one other busy process stops all progress.
        os.environ.setdefault("GOMP_SPINCOUNT", "3000")
        try:
            import xllamacpp
        except ImportError as e:
            raise RunError(
                f"xllamacpp does not load ({e}); pip install 'prefgen[local]', and libgomp1 on Debian"
            ) from e
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_parallel, params.n_ctx = SLOTS, SLOTS * context
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads or cores()
        params.cache_ram_mib, params.fit_params, params.ui, params.verbosity = 0, False, False, 0
        try:
            self.server = xllamacpp.Server(params)
        except Exception as e:
            raise RunError(f"{path} cannot be loaded: {e}; is it a whole GGUF file, and is there memory for it?") from e
        self.pool = ThreadPoolExecutor(SLOTS, thread_name_prefix="local-model")

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """What the server says; blocks until it is whole. Errors are given back, not raised."""
        answer: dict[str, Any] = self.server.handle_chat_completions(body)
        return answer

    def ask(self, body: dict[str, Any]) -> dict[str, Any]:
        """The same; raises what is an error."""
        answer = self.answer(body)
        if "error" not in answer:
            return answer
        words = str(answer["error"].get("message", answer["error"]))
        reason = "context_too_long" if "context" in words or "too long" in words else "bad_request"
        raise RowFailed(reason, f"local model: {words[:300]}")


def context_of(model: Model) -> int:
    """Tokens of one slot."""
    return int(model.extra.get("context", CONTEXT))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def identity(model: Model) -> str:
    """What the weights are called in the journal's keys. A file is known by its content: one training round after
    another may write to one path.
    """
    path = None if model.id in weights.KNOWN else weights.find(model.id)
    if path is None:
        return model.id
    about = path.stat()
    return f"sha256:{_sum_of(path, about.st_size, about.st_mtime_ns)}"


@lru_cache(maxsize=64)
def _sum_of(path: Path, size: int, changed: int) -> str:  # noqa: ARG001  # a file that changed is summed up anew
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _messages(request: Request) -> list[dict[str, str]]:
    return [{"role": turn["role"], "content": turn["content"]} for turn in request.messages]


def _sampling(model: Model) -> dict[str, Any]:
    asked = {"temperature": model.temperature, "top_p": model.top_p, "max_tokens": model.max_tokens}
    defaults = {"temperature": TEMPERATURE, "top_p": TOP_P, "max_tokens": MAX_TOKENS}
    stated = {name: value for name, value in asked.items() if value is not None}
    return {**defaults, **stated, **{name: value for name, value in model.extra.items() if name != "context"}}


def _body(request: Request, seed: int) -> dict[str, Any]:
    # The prompt cache is off: with it, what ran before would change how a prompt is computed.
    body: dict[str, Any] = {"messages": _messages(request), "cache_prompt": False}
    if request.given is not None:
        return body | given.forced_body(request.given)
    body |= _sampling(request.model) | {"seed": seed}
    if request.grammar is not None:
        body["grammar"] = request.grammar
    if request.schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"schema": dict(request.schema)}}
    return body


def _raw(answer: dict[str, Any], request: Request) -> Raw:
    raw = {"choice": answer["choices"][0], "usage": answer["usage"], "model": request.model.id, "id": answer.get("id")}
    if request.given is not None:
        return raw | {"given": request.given}
    last = request.messages[-1]
    return raw | ({"prefill": last["content"]} if last["role"] == "assistant" else {})
