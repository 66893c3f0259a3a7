import polars as pl
import pytest

from prefgen.filters import truncation
from tests.filters.tables import pairs, why


def test_what_is_known_to_be_cut_off() -> None:
    rows = pl.DataFrame(
        {
            "prompt_id": ["p", "q", "r"],
            "id": ["p", "q", "r"],
            "response": ["a", "b", "c"],
            "truncated": [True, False, None],
        }
    )
    assert why(truncation, rows) == ["cut off at max_tokens", None, None]


@pytest.mark.parametrize("text", ["```py\nx = 1", "So:\n```\na\n```\nand\n```\nb"])
def test_a_code_block_that_never_ends(text: str) -> None:
    assert why(truncation, pairs((text, "x")), of=["rejected", "chosen"]) == ["chosen ends in an open code block"]


@pytest.mark.parametrize(
    "text",
    [
        "It is so.",
        "Done!",
        "```\na\n```",
        "(yes)",
        "\u201cIndeed.\u201d",
        "\u597d\u3002",
        "42",
        "**Fine.**",
        "| a | b |",
        "Bye \U0001f642",
        "x^2$",
        None,
    ],
)
def test_what_ends(text: str | None) -> None:
    assert why(truncation, pairs((text, "x")), of="chosen", unfinished=True) == [None]


@pytest.mark.parametrize("text", ["It is so because", "one, two,", "the word-"])
def test_what_ends_in_mid_sentence(text: str) -> None:
    assert why(truncation, pairs((text, "x")), of="chosen", unfinished=True) == ["chosen ends in mid-sentence"]
    assert why(truncation, pairs((text, "x")), of="chosen") == [None]
