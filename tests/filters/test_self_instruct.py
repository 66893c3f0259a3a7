import polars as pl
import pytest

from prefgen.filters import self_instruct
from tests.filters.tables import why


def texts(*said: str | None) -> pl.DataFrame:
    rows = {"prompt_id": ["p"] * len(said), "id": [f"p.{i}" for i in range(len(said))], "instruction": said}
    return pl.DataFrame(rows, schema=dict.fromkeys(rows, pl.String))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Name a river in France.", None),
        ("Name a river", "3 words or fewer"),
        ("one " * 150, None),
        ("one " * 151, "over 150 words"),
        ("Describe the image in detail.", "needs more than text"),
        ("Describe the imagery in detail.", None),
        ("Please DRAW me a sheep.", "needs more than text"),
        ("Open the files you need.", "needs more than text"),
        ("Please go to the shop.", "needs more than text"),
        ("Write a program that sorts.", "begins with Write a program"),
        ("Please do not Write a program.", None),
        ("- Name a river in France.", "begins with punctuation"),
        ("¿Qué es la vida, amigo?", "begins with a character that is not ASCII"),
        ("Qué es la vida, amigo?", None),
        (None, "no text"),
        ("  ", "3 words or fewer"),
    ],
)
def test_each_reason(text: str | None, reason: str | None) -> None:
    assert why(self_instruct, texts(text)) == [reason]
