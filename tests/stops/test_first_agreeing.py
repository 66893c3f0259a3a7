from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from prefgen.stops.first_agreeing import first_agreeing

RIGHT: dict[str, Any] = {"verdict": "A", "gold": "A"}
WRONG: dict[str, Any] = {"verdict": "B", "gold": "A"}


def test_it_goes_on_until_one_agrees() -> None:
    assert first_agreeing([], 3) == 1
    assert first_agreeing([[WRONG]], 3) == 1
    assert first_agreeing([[WRONG], [RIGHT]], 3) == 0
    assert first_agreeing([[WRONG, RIGHT]], 3) == 0


def test_an_unreadable_draw_agrees_with_nothing_and_counts() -> None:
    assert first_agreeing([[]], 2) == 1
    assert first_agreeing([[], []], 2) == 0


def test_it_asks_for_no_draw_beyond_n() -> None:
    assert first_agreeing([[WRONG]] * 3, 3) == 0
    assert first_agreeing([], 0) == 0


@given(st.lists(st.sampled_from([(), (True,), (False,)]), min_size=1, max_size=20))
def test_it_keeps_the_first_right_one_of_n(draws: list[tuple[bool, ...]]) -> None:
    drawn: list[list[dict[str, Any]]] = []
    while more := first_agreeing(drawn, len(draws)):
        drawn += [[RIGHT if right else WRONG for right in draw] for draw in draws[len(drawn) : len(drawn) + more]]
    right = [i for i, draw in enumerate(draws) if any(draw)]
    assert len(drawn) == (right[0] + 1 if right else len(draws))
