import polars as pl
import pytest

from prefgen.pairs.revised import revised

COLUMNS = ("prompt_id", "id", "response", "response_model", "response_reply", "draft", "draft_model", "draft_reply")


def table(*texts: tuple[str | None, str | None]) -> pl.DataFrame:
    rows = [(f"p{i}", f"p{i}.0", now, "m1", "b", first, "m0", "a") for i, (now, first) in enumerate(texts)]
    return pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row").with_columns(
        revisions=pl.concat_list("response")
    )


def test_the_last_revision_against_the_draft() -> None:
    (made,) = revised(table(("Because.", "So."))).to_dicts()
    assert made == {
        "prompt_id": "p0",
        "id": "p0.0",
        "chosen": "Because.",
        "chosen_model": "m1",
        "chosen_reply": "b",
        "rejected": "So.",
        "rejected_model": "m0",
        "rejected_reply": "a",
        "revisions": ["Because."],
    }


@pytest.mark.parametrize(
    ("now", "first", "reason"),
    [("a", "b", None), (None, "b", "no revision"), ("a", None, "no draft"), (" a\n", "a", "equal texts")],
)
def test_each_reason(now: str | None, first: str | None, reason: str | None) -> None:
    assert revised.marked(table((now, first)))["dropped"].to_list() == [reason]
    assert revised(table((now, first))).height == (reason is None)


def test_none_of_nothing() -> None:
    assert revised(table()).schema == revised(table(("a", "b"))).schema
