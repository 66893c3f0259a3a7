import json
import ssl
import time
from dataclasses import replace

import httpx2
import pytest

from prefgen.errors import PrefgenError, ProviderError, RowFailed, TryAgain
from prefgen.llm import faults
from prefgen.llm.faults import Place

KEY = "sk-canary-0123456789"
PLACE = Place("openai/gpt-4.1-mini", "https://api.openai.com/v1", "OPENAI_API_KEY", KEY)


def body(message: str = "words", kind: str = "error", code: str | int | None = None) -> bytes:
    return json.dumps({"error": {"message": message, "type": kind, "code": code}}).encode()


def spent(code: str) -> bytes:
    error = {"type": "rate_limit_error", "message": "m", "details": {"error_code": code}}
    return json.dumps({"type": "error", "error": error}).encode()


RATE, SERVER, BUSY = ("rate_limited", 0), ("server_error", 6), ("overloaded", 6)


@pytest.mark.parametrize(
    ("status", "content", "reason", "attempts"),
    [
        (429, body(code="rate_limit_exceeded"), *RATE),
        (429, body(kind="insufficient_quota", code="rate_limit_exceeded"), *RATE),
        (429, body(kind="insufficient_quota", code="slow_down"), *RATE),
        (429, spent("ramp_limit_exceeded"), *RATE),
        (429, b"", *RATE),
        (408, b"", *SERVER),
        (409, b"", *SERVER),
        (500, b"<html>oops</html>", *SERVER),
        (502, b"", *SERVER),
        (503, body("Loading model"), *BUSY),
        (504, b"", *SERVER),
        (520, b"", *SERVER),
        (529, body(kind="overloaded_error"), *BUSY),
    ],
)
def test_faults_that_pass(status: int, content: bytes, reason: str, attempts: int) -> None:
    fault = faults.of_status(status, {}, content, PLACE)
    assert isinstance(fault, TryAgain)
    assert (fault.reason, fault.attempts, fault.wait, fault.billed) == (reason, attempts, None, False)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (429, body(kind="insufficient_quota", code="insufficient_quota")),
        (429, body(kind="insufficient_quota", code="credit_balance_exhausted")),
        (429, body(code="organization_spend_limit_exceeded")),
        (429, body(code="project_spend_limit_exceeded")),
        (429, body(code="organization_usage_limit_exceeded")),
        (429, spent("enforced_spend_limit_reached")),
        (429, spent("contract_spend_limit_reached")),
        (402, body(kind="billing_error")),
        (402, b""),
        (400, body("Your credit balance is too low to access the API", "invalid_request_error")),
    ],
)
def test_spent_accounts_stop_the_run(status: int, content: bytes) -> None:
    fault = faults.of_status(status, {"retry-after": "1"}, content, PLACE)
    assert isinstance(fault, ProviderError)
    assert "add credit or raise the limit" in str(fault)


@pytest.mark.parametrize(
    ("status", "content", "told"),
    [
        (401, body("Incorrect API key"), "the key in OPENAI_API_KEY was refused (401): Incorrect API key"),
        (403, body("no access"), "the key in OPENAI_API_KEY may not do this (403): no access"),
        (404, body(code="model_not_found"), "no model 'gpt-4.1-mini' at https://api.openai.com/v1 (404)"),
        (404, b'{"detail": "Not Found"}', "(404): Not Found; check the model's name and the address"),
        (400, body(code="model_not_found"), "no model 'gpt-4.1-mini'"),
        (301, b"", "check base_url"),
        (501, b"", "check base_url"),
    ],
)
def test_what_stops_the_run_says_who_where_and_the_cure(status: int, content: bytes, told: str) -> None:
    fault = faults.of_status(status, {}, content, PLACE)
    assert isinstance(fault, ProviderError)
    assert told in str(fault)
    assert PLACE.url in str(fault)
    assert ";" in str(fault)


def test_a_keyless_place_is_told_how_to_name_a_key() -> None:
    fault = faults.of_status(401, {}, b"", Place("openai/x", "http://127.0.0.1:8000/v1"))
    assert "api_key_env" in str(fault)
    assert "no more was said" in str(fault)


@pytest.mark.parametrize(
    ("status", "content", "reason"),
    [
        (400, body(code="context_length_exceeded"), "context_too_long"),
        (400, body("request (9 tokens) exceeds the available context size (8 tokens)", code=400), "context_too_long"),
        (400, body("prompt is too long: 9 tokens > 8 maximum"), "context_too_long"),
        (400, body("This model's maximum context length is 8 tokens"), "context_too_long"),
        (413, body(kind="request_too_large"), "context_too_long"),
        (413, b"", "context_too_long"),
        (400, body(code="content_filter"), "content_filter"),
        (400, body("what is this"), "bad_request"),
        (400, b'["a list"]', "bad_request"),
        (400, b'{"error": "a string"}', "bad_request"),
        (422, b"", "bad_request"),
        (418, b"", "bad_request"),
    ],
)
def test_rows_that_fail(status: int, content: bytes, reason: str) -> None:
    fault = faults.of_status(status, {}, content, PLACE)
    assert isinstance(fault, RowFailed)
    assert fault.reason == reason


DATE = "Mon, 23 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "9", "Retry-After-Ms": "250"}, 0.25),
        ({"retry-after": "86400"}, 600.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 10:00:30 GMT", "date": DATE}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 09:00:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Mon, 23 Nov 2026 11:00:00 GMT", "date": DATE}, 600.0),
        ({"retry-after": "Mon, 23 Nov 2026 10:00:30 GMT"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 10:00:30 -0000", "date": DATE}, None),
        ({"retry-after": "Mon, 23 Nov 2026 102147483648:00:30 GMT", "date": DATE}, None),
        ({"retry-after": "Mon, 23 Nov 2026 10:00:30 +99999999999999999999", "date": DATE}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], wait: float | None) -> None:
    assert faults.wait_of(headers) == wait
    for status in (429, 503):
        fault = faults.of_status(status, headers, b"", PLACE)
        assert isinstance(fault, TryAgain)
        assert fault.wait == wait


@pytest.mark.parametrize(
    ("error", "kind", "reason", "attempts", "billed"),
    [
        (httpx2.ConnectError("refused"), TryAgain, "no_connection", 4, False),
        (httpx2.ConnectTimeout("slow"), TryAgain, "no_connection", 4, False),
        (httpx2.ProxyError("no"), TryAgain, "no_connection", 4, False),
        (httpx2.ReadTimeout("slow"), TryAgain, "timeout", 2, True),
        (httpx2.PoolTimeout("slow"), TryAgain, "timeout", 2, True),
        (httpx2.ReadError("reset"), TryAgain, "connection_lost", 4, True),
        (httpx2.RemoteProtocolError("cut"), TryAgain, "connection_lost", 4, True),
        (ssl.SSLError("tls"), TryAgain, "connection_lost", 4, True),
        (httpx2.UnsupportedProtocol("ftp"), ProviderError, "", 0, False),
        (httpx2.LocalProtocolError(f"Illegal header value b'Bearer {KEY}'"), ProviderError, "", 0, False),
    ],
)
def test_where_no_answer_came(
    error: Exception, kind: type[PrefgenError], reason: str, attempts: int, billed: bool
) -> None:
    told = faults.of_exception(error, PLACE)
    wrapped = RuntimeError("Connection error.")
    wrapped.__cause__ = error
    for fault in (told, faults.of_exception(wrapped, PLACE)):
        assert type(fault) is kind
        assert KEY not in str(fault)
        assert PLACE.url in str(fault)
        if isinstance(fault, TryAgain):
            assert (fault.reason, fault.attempts, fault.billed) == (reason, attempts, billed)


def test_an_exception_with_a_response_goes_by_its_status() -> None:
    error = RuntimeError("429")
    error.response = httpx2.Response(429, headers={"retry-after": "3"})  # type: ignore[attr-defined]
    fault = faults.of_exception(error, PLACE)
    assert isinstance(fault, TryAgain)
    assert fault.wait == 3.0


@pytest.mark.parametrize(
    "text",
    [
        f"Incorrect API key provided: {KEY}.",
        "Incorrect API key provided: sk-proj-abc***********XYZ.",
        "Authorization: Bearer abcdef",
        "token hf_abcdefghijklmnop",
    ],
)
def test_no_key_is_shown(text: str) -> None:
    shown = faults.scrub(text, KEY)
    assert "[key]" in shown
    assert not any(secret in shown for secret in (KEY, "sk-proj", "abcdef"))


def test_a_place_does_not_print_its_key() -> None:
    assert KEY not in repr(PLACE)


def test_providers_words_are_short_and_without_control_characters() -> None:
    assert faults.scrub("a\x1b[31mred\n\n\u202eback") == "a [31mred back"
    assert faults.scrub("x" * 1000) == "x" * 299 + "…"
    assert faults.scrub("task-averse risk-free") == "task-averse risk-free"


def test_deep_nesting_in_an_error_body_is_only_text() -> None:
    assert isinstance(faults.of_status(500, {}, b"[" * 200_000, PLACE), TryAgain)


@pytest.mark.parametrize("before", [0, 19_990, 20_000, 40_000])
def test_of_megabytes_the_beginning_is_looked_at_and_no_half_of_a_key_is_shown(before: int) -> None:
    key, began = "qwertyuiopasdfghjkl", time.process_time()
    said = " " * before + key + " sk_live_0123456789 " * 500_000
    told = [said.encode(), json.dumps({"error": {"message": said}}).encode(), json.dumps({"error": said}).encode()]
    shown = [faults.scrub(said, key), *(str(faults.of_status(400, {}, one, replace(PLACE, key=key))) for one in told)]
    assert not any(secret in text for text in shown for secret in ("sk_", "qwerty", "live"))
    assert time.process_time() - began < 1
