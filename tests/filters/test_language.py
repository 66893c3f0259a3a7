import polars as pl
import pytest

from prefgen.filters import language

TEXTS = {
    "en": "Please write a short letter to my landlord about the broken heating in the kitchen.",
    "de": "Bitte schreibe einen kurzen Brief an meinen Vermieter wegen der kaputten Heizung in der K\u00fcche.",
    "fr": "\u00c9cris s'il te pla\u00eet une courte lettre \u00e0 mon propri\u00e9taire au sujet du chauffage en panne dans la cuisine.",
    "zh": "\u8bf7\u7ed9\u6211\u7684\u623f\u4e1c\u5199\u4e00\u5c01\u77ed\u4fe1\uff0c\u8bf4\u660e\u53a8\u623f\u91cc\u7684\u6696\u6c14\u574f\u4e86\uff0c\u9700\u8981\u5c3d\u5feb\u4fee\u7406\uff0c\u8c22\u8c22\u60a8\u3002",
    "": "2 + 2 = ?",
}


def table(*texts: str) -> pl.DataFrame:
    rows = [
        {"prompt_id": f"p{i}", "id": f"p{i}", "prompt": [{"role": "user", "content": text}]}
        for i, text in enumerate(texts)
    ]
    return pl.DataFrame(rows)


@pytest.mark.parametrize(
    ("among", "unknown", "kept"),
    [("en", True, ["p0", "p4"]), (["de", "fr"], True, ["p1", "p2", "p4"]), (["zh"], False, ["p3"])],
)
def test_languages(among: str | list[str], unknown: bool, kept: list[str]) -> None:
    rows = table(*TEXTS.values())
    assert language(rows, among=among, unknown=unknown)["id"].to_list() == kept


def test_each_reason() -> None:
    marked = language.marked(table(TEXTS["de"], TEXTS[""]), among="en", unknown=False)
    assert marked["dropped"].to_list() == ["prompt is in another language", "prompt is in no language that can be told"]


def test_texts_and_none() -> None:
    rows = pl.DataFrame({"prompt_id": ["p", "q"], "id": ["p", "q"], "response": [TEXTS["fr"], None]})
    assert language(rows, among=["en"], of="response")["id"].to_list() == ["q"]
    assert language(rows.clear(), among=["en"], of="response").schema == rows.schema
    with pytest.raises(ValueError, match="min_probability must be from 0 to 1"):
        language(rows, among=["en"], of="response", min_probability=2)
