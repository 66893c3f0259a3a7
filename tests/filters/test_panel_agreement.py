from itertools import product

import pytest

from prefgen.filters import panel_agreement
from tests.filters.tables import judged, why


def panel(*votes: str) -> list[tuple[str, str | None, str]]:
    """Each judge's preferences in the two orders: "cc" twice the chosen, "cr" one each, "-" none."""
    return [
        (gold, None if one == "-" else one, f"j{n}")
        for n, both in enumerate(votes)
        for gold, one in zip("AB", both, strict=False)
    ]


@pytest.mark.parametrize(
    ("votes", "at_least", "reasons"),
    [
        (("cc", "cc", "cc"), 3, [None] * 6),
        (("cc", "cc", "rr"), 2, [*[None] * 4, *["against the panel"] * 2]),
        (("cc", "cc", "cr"), 3, ["fewer than 3 judges agree"] * 6),
        (("cc", "cc", "cr"), 2, [*[None] * 5, "against the panel"]),
        (("cc", "rr"), 1, ["panel is split evenly"] * 4),
        (("cc", "--"), 1, [None, None, "no verdict", "no verdict"]),
        (("cr",), 1, ["fewer than 1 judges agree"] * 2),
    ],
)
def test_each_reason(votes: tuple[str, ...], at_least: int, reasons: list[str | None]) -> None:
    assert why(panel_agreement, judged([panel(*votes)]), at_least=at_least) == reasons


def test_every_panel_of_three() -> None:
    panels = list(product(["cc", "rr", "cr"], repeat=3))
    kept = panel_agreement(judged([panel(*votes) for votes in panels]))["pair_id"].unique()
    expected = [f"p{n}.0" for n, votes in enumerate(panels) if max(votes.count("cc"), votes.count("rr")) >= 2]
    assert sorted(kept) == sorted(expected)


def test_a_panel_of_none() -> None:
    with pytest.raises(ValueError, match="at_least must be 1 or more"):
        panel_agreement(judged([]), at_least=0)
