"""Whatever a server says, or somebody wrote into a journal, is a reply or is told as none."""

from typing import Any

import pytest

from prefgen.errors import RowFailed, RunError, TryAgain
from prefgen.llm import wire
from prefgen.llm.anthropic import Anthropic
from prefgen.llm.fake import Fake
from prefgen.llm.journal import Entry, packed, unpack
from prefgen.llm.local import Local
from prefgen.llm.openai import OpenAI
from prefgen.llm.request import Completion, Provider, Usage

OPENAI: Any = {"choice": {"message": {"content": "so"}, "finish_reason": "stop"}}
READERS: list[tuple[Provider, Any]] = [
    (OpenAI(), OPENAI),
    (Anthropic(), {"choice": {"content": [{"type": "text", "text": "so"}], "stop_reason": "end_turn"}}),
    (Local(), OPENAI),
    (Fake({}), {"choice": {"text": "so", "finish": "stop", "logprobs": []}}),
]
EVERY = pytest.mark.parametrize(("provider", "raw"), READERS, ids=["openai", "anthropic", "local", "fake"])


@EVERY
@pytest.mark.parametrize(
    ("said", "name"),
    [("m-1", "m-1"), ("m\ud800", "m\ufffd"), (None, ""), (["m"], ""), (7, ""), ("m" * 5_000, "m" * wire.LONGEST_NAME)],
)
def test_the_model_that_a_reply_names_is_text_that_a_table_can_hold(
    provider: Provider, raw: Any, said: Any, name: str
) -> None:
    assert provider.read({**raw, "model": said, "usage": None}) == Completion("so", snapshot=name)


@EVERY
@pytest.mark.parametrize(
    "usage", [None, {}, [], "x", {"prompt_tokens": "7", "prompt": -1, "completion_tokens": 10**400}]
)
def test_usage_that_is_none_counts_nothing(provider: Provider, raw: Any, usage: Any) -> None:
    assert provider.usage({**raw, "usage": usage}) == Usage()
    assert provider.usage({}) == Usage()


@EVERY
@pytest.mark.parametrize(
    "choice", [None, "x", [], {}, {"message": []}, {"content": [{"type": "text", "text": [["a"]]}]}, {"text": 5}]
)
def test_what_is_no_reply_is_told_in_words_that_may_be_shown(provider: Provider, raw: Any, choice: Any) -> None:
    with pytest.raises(TryAgain) as caught:
        provider.read({"choice": choice, "usage": None, "model": "\x1b[31mred" + "d" * 5_000})
    assert caught.value.reason == "bad_body"
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 700


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


@EVERY
def test_a_stored_reply_that_is_nested_without_end_is_told_as_none(provider: Provider, raw: Any) -> None:
    with pytest.raises(TryAgain):
        provider.read({"choice": deep(5_000), "usage": None, "model": None})


@pytest.mark.parametrize("given", ["so", 5, deep(3)])
def test_given_text_that_was_not_scored_is_the_row_s(given: Any) -> None:
    with pytest.raises((RowFailed, TryAgain)):
        Local().read({"choice": {"logprobs": given}, "usage": None, "model": "m", "given": "Paris"})


@pytest.mark.parametrize("body", [b"", b"x", b"\x28\xb5\x2f\xfd", packed(Entry(b"k", {}))[1][:-1]])
def test_stored_bytes_that_are_no_reply_are_told(body: bytes) -> None:
    with pytest.raises(RunError, match="not written by prefgen"):
        unpack(body)


@pytest.mark.parametrize("raw", [[], "x", None, 5])
def test_stored_json_that_is_no_object_is_told(raw: Any) -> None:
    with pytest.raises(RunError, match="not written by prefgen"):
        unpack(packed(Entry(b"k", raw))[1])
