"""What single rows are found for, and what they are not."""

from random import Random
from typing import Any

import polars as pl
import pytest
from rapidfuzz.distance import Indel

from prefgen.audit.checks import ALIKE, CHECKS, NAMES, WHOLE, alike
from prefgen.audit.rows import SHAPE
from prefgen.filters import identical, non_answers, refusals, truncation
from tests.audit.planted import clean, sentence


def shaped(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows in the audit's shape: clean ones, but for what is said."""
    chance, made = Random(1), []
    for n, row in enumerate(rows, 1):
        own = clean(chance) | row
        scores = {"chosen_score": own.pop("score_chosen"), "rejected_score": own.pop("score_rejected")}
        made.append({"row": n, "place": 0, "asked": own["prompt"], **scores, **own})
    frame = pl.DataFrame([{name: row.get(name) for name in SHAPE} for row in made], schema=SHAPE)
    return frame.with_columns(alike(frame))


def found(rows: pl.DataFrame) -> list[set[str]]:
    """The checks that find something in each row."""
    whys = {check.name: check.mark(rows).to_list() for check in CHECKS if check.mark}
    return [{name for name, why in whys.items() if why[n] is not None} for n in range(rows.height)]


LEGITIMATE = [
    "Crème brûlée, São Paulo, Ångström, naïve, Dvořák, Straße.",
    "»Groß“, sagte er. „Groß“ – so ist das… Und ‚klein‘.",  # noqa: RUF001
    "Olé…” dit-il. « É… » Â propos : ÂGE, CHÂTEAU, MAÇÃ.",
    "👩‍👩‍👧 family, 🏳️‍🌈 flag, naïve ❤️.",
    "می‌خواهم بروم.\u200f",
    "שלום\u200e עולם.",
    "こんにちは、世界。ｶﾀｶﾅ",
    "Việt Nam: Đường phố, tiếng Việt.",
    "<b>bold</b> and <s>struck</s>, x < y | z > 2, a<|b, [INSTANCE], <start>.",
    "The user: he said so. Assistant professor: she did. ### Heading\nInstruction manual.",
    "```python\nprint('<s>')\n```",
    "Line one.\n\tLine two.\r\nLine three.",
    "I'm sorry to hear that; here is what may help.",
    "As an AI researcher, I can help with that.",
]


@pytest.mark.parametrize("text", LEGITIMATE)
@pytest.mark.parametrize("side", ["prompt", "chosen", "rejected"])
def test_what_people_write_is_not_found(text: str, side: str) -> None:
    (names,) = found(shaped({side: text}))
    assert names - {"unfinished_chosen", "unfinished_rejected"} == set()


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ({"chosen": "A </s>"}, {"markers"}),
        ({"chosen": "<s> A."}, {"markers"}),
        ({"rejected": "A.<｜end▁of▁sentence｜>"}, {"markers"}),  # noqa: RUF001
        ({"rejected": "### Response:\nA."}, {"markers"}),
        ({"chosen": "A.\nAssistant: B."}, {"markers"}),
        ({"prompt": "A. <|user|> B?"}, {"markers_prompt"}),
        ({"chosen": "Itâ\x80\x99s so."}, {"encoding_mojibake"}),
        ({"chosen": "Itâ€™s so."}, {"encoding_mojibake"}),
        ({"chosen": "\x85 A."}, {"encoding_control"}),
        ({"prompt": "\x1b[31mA?"}, {"encoding_control"}),
        ({"prompt": "A\u2066B?"}, {"encoding_bidi"}),
        ({"chosen": "…"}, {"empty_chosen"}),
        ({"chosen": "", "rejected": ""}, {"empty_chosen", "empty_rejected"}),
        ({"score_chosen": 1.0, "score_rejected": 1.0 + 1e-15}, {"tied"}),
        ({"score_chosen": float("nan")}, set()),
        ({"score_chosen": None, "score_rejected": None}, set()),
        ({"prompt": "Hello", "chosen": "Hello, you."}, set()),
        ({"prompt": "Name twenty grains, please?", "chosen": " Name twenty grains, please? Rye."}, {"repeats_prompt_chosen"}),
    ],
)  # fmt: skip
def test_what_is_found(row: dict[str, Any], names: set[str]) -> None:
    assert found(shaped(row)) == [names]


def test_a_response_alone_is_not_compared() -> None:
    rows = shaped({"rejected": None, "score_rejected": None})
    assert found(rows) == [set()]
    needs = {check.name: rows.select(check.applies()).item() for check in CHECKS}
    assert {name for name, applies in needs.items() if applies} >= {"empty_chosen", "markers", "encoding_bom"}
    assert not {name for name, applies in needs.items() if applies} & {"identical", "reversed", "empty_rejected"}


def test_filters_drop_what_is_found() -> None:
    chance = Random(4)
    ends = ["", "\n```\nx", " And", "I can't help with that", "Sorry, I cannot do that.", "Solution", "[[A]]", "."]
    rows = shaped(*({side: f"{chance.choice(ends)} {sentence(chance, 5)}" for side in ("chosen", "rejected")} for _ in range(40)),
                  *({"chosen": end} for end in ends))  # fmt: skip
    names = found(rows)

    def dropped(verb: Any, **settings: Any) -> list[bool]:
        return verb.marked(rows.drop("likeness"), **settings)["dropped"].is_not_null().to_list()  # type: ignore[no-any-return]

    for side in ("chosen", "rejected"):
        assert [f"refused_{side}" in one for one in names] == dropped(refusals, of=side)
        assert [bool(one & {f"truncated_{side}", f"unfinished_{side}"}) or rows[side][n].strip() == "" for n, one in enumerate(names)] == dropped(truncation, of=side, unfinished=True)  # fmt: skip
        assert [bool(one & {f"empty_{side}", f"no_answer_{side}"}) for one in names] == dropped(non_answers, of=side)
    assert any("refused_chosen" in one for one in names)


def test_likeness_is_what_the_filter_says() -> None:
    chance, rows = Random(8), []
    for _ in range(150):
        text = sentence(chance, 12)
        at, cut = chance.randint(0, len(text)), chance.randint(0, 9)
        rows.append(
            {"chosen": text, "rejected": text[:at] + chance.choice(["", "  ", "x" * cut]) + text[at + cut :].upper()}
        )
    frame = shaped(*rows)
    dropped = identical.marked(frame.drop("likeness"), at_least=ALIKE)["dropped"].is_not_null()
    near = {"identical", "identical_normalised", "nearly_identical"}
    names = found(frame)
    assert [bool(one & near) for one in names] == dropped.to_list()
    assert all(len(one & near) <= 1 for one in names)
    for row, one in zip(rows, names, strict=True):
        short = [" ".join(row[side].lower().split()) for side in ("chosen", "rejected")]
        likeness = Indel.normalized_similarity(*short)
        if abs(likeness - ALIKE) > 1e-6:  # the filter's own numbers have 32 bits
            assert ("nearly_identical" in one) == (ALIKE <= likeness < 1)


def test_every_check_says_what_it_means() -> None:
    assert len(set(NAMES)) == len(NAMES) == len(CHECKS) + len(WHOLE)
    for check in (*CHECKS, *WHOLE):
        assert check.title
        assert check.rule
        assert check.cure
        assert check.severity in {"bad", "warn", "info"}
