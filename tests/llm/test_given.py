import pytest

from prefgen.errors import RowFailed
from prefgen.llm import given
from tests.servers import one_sentence

TEXTS = ["Paris.", 'a "quoted" \\ word', "two\nlines\tand\r\x01", "é — 😀", "] ) ( [", "  blanks  "]


@pytest.mark.parametrize("text", TEXTS)
def test_a_sentences_grammar_says_it_and_nothing_else(text: str) -> None:
    grammar = given.sentence(text)
    assert one_sentence(grammar) == text
    assert "\n" not in grammar


def token(text: str | None, logprob: object, spelt: bytes | None = None) -> dict[str, object]:
    return {"token": text, "bytes": list(spelt) if spelt is not None else None, "logprob": logprob}


def choice(*tokens: dict[str, object]) -> dict[str, object]:
    return {"logprobs": {"content": list(tokens)}}


def test_the_end_of_turn_is_no_part_of_the_text() -> None:
    assert given.of_forced(choice(token("Pa", -1), token("ris", -2.5), token("", -9, b"")), "Paris") == (-1.0, -2.5)


def test_bytes_of_half_a_character_are_put_together() -> None:
    first, last = "é".encode()[:1], "é".encode()[1:]
    assert given.of_forced(choice(token("\ufffd", -1.0, first), token("\ufffd", -2.0, last)), "é") == (-1.0, -2.0)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"logprobs": None},
        choice(token("Par", -1.0)),
        choice(token("Parisian", -1.0)),
        choice(token("Paris", None)),
        choice(token("Paris", float("-inf"))),
        choice(token("Paris", 10**400)),
        choice(token("Paris", True)),
        choice({"token": "Paris", "bytes": 10**12, "logprob": -1.0}),
        choice({"token": "Paris", "bytes": [80, 97, 114, 105, 999], "logprob": -1.0}),
        choice({"token": 5, "logprob": -1.0}, token("Paris", -1.0)),
        {"logprobs": "so"},
        {"logprobs": {"content": "so"}},
        {"logprobs": {"content": ["so"]}},
    ],
)
def test_forced_replies_that_do_not_spell_the_text_are_not_scores(bad: dict[str, object]) -> None:
    with pytest.raises(RowFailed) as caught:
        given.of_forced(bad, "Paris")
    assert caught.value.reason == "not_scored"


def position(text: str, logprob: float = -1.0) -> dict[str, dict[str, object]]:
    likelier = {"logprob": -0.1, "rank": 1, "decoded_token": "x" * len(text)}
    return {"5": {"logprob": logprob, "rank": 3, "decoded_token": text}, "9": likelier}


def test_the_tail_of_a_prompt_is_what_spells_the_text() -> None:
    prompt = [None, position("<user>"), position("hi"), position("Pa", -2.0), position("ris", -3.0)]
    tail = given.tail(prompt, "Paris")
    assert tail == prompt[3:]
    assert given.of_prompt(tail, "Paris") == (-2.0, -3.0)


@pytest.mark.parametrize(
    "prompt",
    [
        None,
        "no list",
        [None],
        [None, position("Par")],
        [None, position("\nParis")],
        [None, position("Paris"), position("</s>")],
        [None, {}],
        [None, {"5": None}],
        [None, {"5": {"logprob": -1.0, "decoded_token": ["Paris"]}}],
        [None, position("Paris", 10**400)],
    ],
)
def test_prompts_that_do_not_end_in_the_text_are_not_scores(prompt: object) -> None:
    with pytest.raises(RowFailed) as caught:
        given.of_prompt(given.tail(prompt, "Paris"), "Paris")
    assert caught.value.reason == "not_scored"
