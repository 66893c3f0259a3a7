"""What servers answer, and what stands in a journal: statuses, headers, error bodies, replies, stored bytes."""

import json
import math
import re
import zlib
from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Any

import zstandard

from prefgen.errors import PrefgenError, ProviderError, RowFailed, RunError, TryAgain
from prefgen.llm import given as scoring
from prefgen.llm import openai, wire
from prefgen.llm.anthropic import Anthropic
from prefgen.llm.fake import Fake
from prefgen.llm.faults import LONGEST_WAIT, Place, of_status, scrub, wait_of
from prefgen.llm.journal import Entry, is_sound, packed, unpack
from prefgen.llm.limits import Limits, of_headers
from prefgen.llm.local import Local
from prefgen.llm.openai import OpenAI
from prefgen.llm.outcome import said
from prefgen.llm.request import Completion, Model, Provider, Request, Usage
from prefgen.llm.store import checksum
from prefgen.texts import plain, sound
from tests.fuzz import pieces
from tests.fuzz.target import Target
from tests.llm.test_fault_table import FATAL, LIMITED, OF_THE_ROW, PASSING
from tests.servers import Body, chat, message

KEY = "sk-canary-0123456789"
PLACE = Place("openai/small", "https://api.openai.com/v1", "OPENAI_API_KEY", KEY)
SHAPES = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# --- statuses and headers -------------------------------------------------------------------

STATUSES = (
    200,
    204,
    301,
    400,
    401,
    402,
    403,
    404,
    408,
    409,
    413,
    418,
    422,
    429,
    429,
    429,
    500,
    501,
    502,
    503,
    504,
    520,
    529,
    599,
)
BODIES: Sequence[Body] = [
    row.response.body for row in (*PASSING, *OF_THE_ROW, *FATAL, *LIMITED) if not callable(row.response) and isinstance(row.response.body, dict)
]  # fmt: skip
SAID = [json.dumps(body) for body in BODIES] + [
    "<html><body><h1>502 Bad Gateway</h1></body></html>", f'{{"error": "Incorrect API key provided: {KEY}"}}',
    '{"detail": [{"loc": ["body", "n"], "msg": "none is allowed"}]}', f"Authorization: Bearer {KEY} is not known", "upstream connect error",
]  # fmt: skip
VALUES = [
    "7", "1.5", "-3", "soon", "nan", "inf", "86400", "20", "250", "Mon, 23 Nov 2026 10:00:30 GMT", "Mon, 23 Nov 2026 09:00:00 GMT",
    "Mon, 23 Nov 2026 10:00:30 +0000", "Mon, 23 Nov 2026 10:00:30 -0000", "23 Nov 26 10:00 EST", "2026-11-23T10:00:30Z", "6m0s", "20ms",
    "1h2m3s", "1d", "100", "59", "0", "500000", "1e9", "2026-11-23T10:00:30", "2026-11-23T10:00:30.123456+05:30",
]  # fmt: skip
HEADERS = [
    "retry-after", "Retry-After-Ms", "Date", "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens", "X-RateLimit-Remaining-Tokens", "x-ratelimit-reset-tokens", "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset", "anthropic-ratelimit-tokens-limit", "x-other",
]  # fmt: skip
CLOCK = [
    "+9999",
    "-2400",
    "9999999999",
    "Feb",
    "Mon,",
    "00:00:60",
    "T",
    "Z",
    "GMT",
    "+99:99",
    "0000",
    "ms",
    "s",
    "h",
    "1e",
    "٣",
    ",",
]


def _headers(chance: Random) -> dict[str, str]:
    names = chance.sample(HEADERS, chance.randint(0, 5))
    return {name: _header(chance) for name in [*names, chance.choice(HEADERS[:3])]}


def _header(chance: Random) -> str:
    if chance.random() < 0.35:
        return chance.choice(VALUES)
    if chance.random() < 0.9:
        return pieces.mutated(chance, chance.choice(VALUES), CLOCK)
    return pieces.text(chance, VALUES, CLOCK)


def _body(chance: Random) -> bytes:
    kind = chance.random()
    if kind < 0.5:
        return pieces.written(pieces.many_changes(chance, chance.choice(BODIES))).encode()
    if kind < 0.85:
        return pieces.text(chance, SAID).encode("utf-8", "surrogatepass")
    return pieces.bent(chance, chance.choice(SAID).encode())


def _answer(chance: Random) -> tuple[int, dict[str, str], bytes]:
    status = chance.choice(STATUSES) if chance.random() < 0.9 else chance.randint(100, 999)
    return status, _headers(chance), _body(chance)


def _of_status(given: tuple[int, dict[str, str], bytes]) -> PrefgenError:
    status, headers, body = given
    return of_status(status, headers, body, PLACE)


def _is_fault(given: Any, outcome: Any) -> None:
    """One of ours, in words that may be shown, with a wait that ends."""
    assert isinstance(outcome, ProviderError | RowFailed | TryAgain), type(outcome)
    words = str(outcome)
    assert KEY not in words
    assert not SHAPES.search(words), f"{words!r:.80}"
    assert len(words) < 700, len(words)
    if isinstance(outcome, TryAgain):
        _is_wait(given, outcome.wait)


def _is_wait(given: Any, outcome: Any) -> None:
    assert outcome is None or 0 <= outcome <= LONGEST_WAIT, outcome


def _are_limits(given: Any, outcome: Limits) -> None:
    for rate in (outcome.requests, outcome.tokens):
        assert rate is None or (math.isfinite(rate) and rate > 0), rate


def _secret(chance: Random) -> tuple[str, str]:
    key = chance.choice([KEY, KEY, "", "none", "x" * 8, "k" * 200, "[key]", "…" * 9])
    return pieces.text(
        chance,
        [*SAID, f"a {key} b", f"Bearer {key}", "sk-proj-abc***XYZ", "hf_abcdefghij"],
        [*pieces.WORDS, key, "Bearer ", "sk-"],
    ), key


def _is_scrubbed(given: Any, outcome: str) -> None:
    _, key = given
    assert len(outcome) <= 300
    assert len(key) < 8 or key not in outcome or key == "[key]", outcome
    assert not SHAPES.search(outcome), f"{outcome!r:.80}"


# --- replies --------------------------------------------------------------------------------

ASKED: Body = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
TEXT = "Paris is the capital."
MODEL = Model("openai/small", base_url="http://127.0.0.1:9/v1")


def _request(likelihood: Any = None) -> Request:
    model = Model("openai/small", base_url="http://127.0.0.1:9/v1", likelihood=likelihood)
    return Request(model, ASKED["messages"], given=TEXT if likelihood else None)


def _choices() -> Sequence[tuple[Request, Body]]:
    """Whole answers of chat completions, and what was asked: texts, tokens one by one, a prompt's tokens."""
    free, forced, prompted = _request(), _request("grammar"), _request("prompt_logprobs")
    turns = [*ASKED["messages"], {"role": "assistant", "content": TEXT}]
    refused: Body = chat(["no"], ASKED, finish="content_filter")
    refused["choices"][0]["message"]["refusal"] = "I will not."
    blocks: Body = chat([""], ASKED)
    blocks["choices"][0]["message"]["content"] = [{"type": "text", "text": "in parts"}, {"type": "image"}]
    return [
        (free, chat(["so it is", "and so"], ASKED)), (free, chat(["half a"], ASKED, finish="length")), (free, refused), (free, blocks),
        (forced, chat([TEXT], {**ASKED, "logprobs": True})),
        (prompted, chat(["x"], {**ASKED, "messages": turns, "prompt_logprobs": 1})),
    ]  # fmt: skip


OPENAI, ANTHROPIC, LOCAL, FAKE = OpenAI(), Anthropic(), Local(), Fake({})
OF_OPENAI = _choices()
OF_ANTHROPIC: Sequence[Body] = [
    message("so it is", ASKED), message("half", ASKED, stop="max_tokens"), message("no", ASKED, stop="refusal"),
    {**message("", ASKED), "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "so"}]},
]  # fmt: skip
OF_LOCAL: Sequence[Body] = [
    {"choice": chat(["so"], ASKED)["choices"][0], "usage": chat(["so"], ASKED)["usage"], "model": "smollm2-135m", "id": "x"},
    {"choice": chat([TEXT], {**ASKED, "logprobs": True})["choices"][0], "usage": {"prompt_tokens": 1, "completion_tokens": 2}, "model": "m",
     "id": None, "given": TEXT},
    {"choice": chat(["Sure: so"], ASKED)["choices"][0], "usage": {"prompt_tokens": 1, "completion_tokens": 2}, "model": "m", "prefill": "Sure:"},
]  # fmt: skip
OF_FAKE: Sequence[Body] = [
    {
        "choice": {"text": "so", "finish": "stop", "logprobs": []},
        "usage": {"prompt": 1, "completion": 2},
        "model": "m",
        "id": "",
    },
    {
        "choice": {"text": "so", "finish": "stop", "logprobs": [-1.0, -2.5]},
        "usage": {"prompt": 0, "completion": 0},
        "model": "m",
        "id": "",
    },
]


def _sent(chance: Random, whole: Any) -> bytes:
    """An answer as it comes over the wire, mangled as data or as bytes."""
    if chance.random() < 0.75:
        whole = pieces.many_changes(chance, whole)
    data = pieces.written(whole).encode()
    if chance.random() < 0.2:
        data = pieces.bent(chance, data)
    return (
        data
        if chance.random() < 0.95
        else pieces.mutated(chance, data.decode("utf-8", "replace")).encode("utf-8", "replace")
    )


def _to_openai(chance: Random) -> tuple[Request, bytes]:
    request, whole = chance.choice(OF_OPENAI)
    return request, _sent(chance, whole)


def _heard(provider: Provider, raws: Sequence[Body]) -> list[tuple[Usage, Any]]:
    """What each reply comes to, as the client has it, after it was stored and found again."""
    stored = [unpack(packed(Entry(b"k" * 32, raw))[1]) for raw in raws]
    return [(provider.usage(raw), said(provider, raw)) for raw in stored]


def _of_openai(given: tuple[Request, bytes]) -> Any:
    request, content = given
    data = wire._decoded(200, {}, content, PLACE)
    return _heard(OPENAI, openai._raws(data, request, 2))


def _of_anthropic(content: bytes) -> Any:
    data = wire._decoded(200, {}, content, PLACE)
    choice = {name: data.get(name) for name in ("role", "content", "stop_reason", "stop_sequence", "stop_details")}
    return _heard(
        ANTHROPIC, [{"choice": choice, "usage": data.get("usage"), "model": data.get("model"), "id": data.get("id")}]
    )


def _stored(chance: Random, shapes: Sequence[Body]) -> Any:
    """A stored reply that somebody changed, and JSON all the same."""
    found = pieces.read(pieces.written(pieces.many_changes(chance, chance.choice(shapes))))
    return found if isinstance(found, dict) else {"choice": found}


def _are_replies(given: Any, outcome: Any) -> None:
    """Completions that tables can hold, or faults in words that may be shown."""
    if isinstance(outcome, BaseException):
        _is_fault(given, outcome)
        return
    for usage, heard in outcome:
        assert all(isinstance(n, int) and 0 <= n <= 2**42 for n in (usage.prompt, usage.completion)), usage
        if isinstance(heard, Completion):
            _is_completion(heard)
            assert heard.finish in {"stop", "length", "refused"}, heard.finish
            assert all(map(math.isfinite, heard.logprobs)), heard.logprobs
        else:
            _is_fault(given, heard)


def _is_completion(heard: Completion) -> None:
    for text in (heard.text, heard.snapshot):
        assert isinstance(text, str), f"{text!r:.60} is no text"
        assert not re.search("[\ud800-\udfff]", text), f"half a character in {text!r:.60}"
    assert isinstance(heard.finish, str)
    assert isinstance(heard.logprobs, tuple)
    assert all(isinstance(one, float) for one in heard.logprobs), heard.logprobs


def _are_fakes(given: Any, outcome: Any) -> None:
    """The same, with an end and log-probabilities that are its function's business."""
    for _, heard in outcome:
        if isinstance(heard, Completion):
            _is_completion(heard)
        else:
            _is_fault(given, heard)


# --- given text -----------------------------------------------------------------------------


def _forced(chance: Random) -> tuple[Any, str]:
    text = chance.choice([TEXT, "é — 😀", "\ud800x", ""])
    shape = (
        chat([text], {**ASKED, "logprobs": True})["choices"][0]
        if "\ud800" not in text
        else {"logprobs": {"content": []}}
    )
    return pieces.read(pieces.written(pieces.many_changes(chance, shape))), text


def _prompted(chance: Random) -> tuple[Any, str]:
    text = chance.choice([TEXT, "é — 😀", ""])
    whole = chat(
        ["x"], {**ASKED, "messages": [*ASKED["messages"], {"role": "assistant", "content": text}], "prompt_logprobs": 1}
    )
    return pieces.read(pieces.written(pieces.many_changes(chance, whole["prompt_logprobs"]))), text


def _of_forced(given: tuple[Any, str]) -> Any:
    shape, text = given
    return scoring.of_forced(shape if isinstance(shape, dict) else {}, text)


def _of_prompt(given: tuple[Any, str]) -> Any:
    return scoring.of_prompt(scoring.tail(*given), given[1])


def _are_logprobs(given: Any, outcome: Any) -> None:
    if not isinstance(outcome, RowFailed):
        assert outcome
        assert all(isinstance(one, float) and math.isfinite(one) for one in outcome), outcome


# --- at rest --------------------------------------------------------------------------------


def _at_rest(chance: Random) -> tuple[bytes, bytes, int]:
    """A stored reply, damaged; its checksum as it was, or made to fit what it is now."""
    key, body, crc = packed(Entry(b"k" * 32, pieces.many_changes(chance, dict(chance.choice(OF_LOCAL)))))[:3]
    kind = chance.random()
    if kind < 0.6:
        body = pieces.bent(chance, body)
    elif kind < 0.75:
        body = zstandard.compress(pieces.text(chance, SAID).encode("utf-8", "surrogatepass"))
    elif kind < 0.8:
        body = zstandard.ZstdCompressor(write_content_size=False).compress(
            b"[" * chance.choice([10, 1_000, 100_000] * 8 + [10**8])
        )
    return key, body, crc if chance.random() < 0.3 else checksum(key, body)


def _unpacked(given: tuple[bytes, bytes, int]) -> Any:
    key, body, crc = given
    return unpack(body) if is_sound(key, body, crc) else None


def _is_reply(given: Any, outcome: Any) -> None:
    """An object, or an error in words; damaged where its checksum says so."""
    key, body, crc = given
    assert is_sound(key, body, crc) == (zlib.crc32(body, zlib.crc32(key)) == crc)
    assert outcome is None or isinstance(outcome, dict | RunError), type(outcome)


# --- texts ----------------------------------------------------------------------------------


def _is_plain(given: str, outcome: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", outcome)
    assert plain(outcome) == outcome
    assert outcome.encode().decode() == outcome


def _is_sound(given: str, outcome: str) -> None:
    assert outcome.encode().decode() == outcome
    assert sound(outcome) == outcome
    assert outcome == given or re.search("[\ud800-\udfff]", given)


def targets() -> list[Target]:
    """What reads a wire, or a stored reply."""
    told = partial(pieces.text, corpus=SAID)
    local, fake = partial(_stored, shapes=OF_LOCAL), partial(_stored, shapes=OF_FAKE)
    return [
        Target("of_status", 30_000, _answer, _of_status, (), _is_fault),
        Target("wait_of", 40_000, _headers, wait_of, (), _is_wait),
        Target("of_headers", 40_000, _headers, of_headers, (), _are_limits),
        Target("scrub", 30_000, _secret, lambda given: scrub(*given), (), _is_scrubbed),
        Target("reply of openai", 20_000, _to_openai, _of_openai, (PrefgenError,), _are_replies),
        Target("reply of anthropic", 15_000, lambda c: _sent(c, c.choice(OF_ANTHROPIC)), _of_anthropic, (PrefgenError,), _are_replies),
        Target("reply of local", 15_000, local, partial(_read, LOCAL), (), _are_replies),
        Target("reply of fake", 15_000, fake, partial(_read, FAKE), (), _are_fakes),
        Target("of_forced", 15_000, _forced, _of_forced, (RowFailed,), _are_logprobs),
        Target("of_prompt", 15_000, _prompted, _of_prompt, (RowFailed,), _are_logprobs),
        Target("unpack", 15_000, _at_rest, _unpacked, (RunError,), _is_reply),
        Target("plain", 20_000, told, plain, (), _is_plain),
        Target("sound", 20_000, told, sound, (), _is_sound),
    ]  # fmt: skip


def _read(provider: Provider, raw: Body) -> Any:
    return [(provider.usage(raw), said(provider, raw))]
