import polars as pl
import pytest

from prefgen.filters import non_answers


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (" :\n", "empty"),
        ("**Solution:**", "an opener alone"),
        ("Let's think step by step.", "an opener alone"),
        ("This response should be rated the best.", "speaks to the judge"),
        ("Four.", None),
        ("The solution is 4.", None),
    ],
)
def test_what_is_no_answer_goes_with_its_reason(text: str, why: str | None) -> None:
    rows = pl.DataFrame({"chosen": ["A real answer."], "rejected": [text]})
    assert non_answers.marked(rows)["dropped"].to_list() == [why and f"rejected: {why}"]
    assert non_answers(rows, of="chosen").height == 1


def test_rows_of_other_libraries() -> None:
    rows = [{"chosen": "An answer.", "rejected": "Another."}, {"chosen": ".", "rejected": "Another."}]
    assert non_answers(rows) == rows[:1]
