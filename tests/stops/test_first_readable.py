import pytest

from prefgen.asker import Row
from prefgen.stops.first_readable import first_readable

READ: list[Row] = [{"text": "a"}]
UNREAD: list[Row] = []


@pytest.mark.parametrize(
    ("drawn", "n", "more"),
    [
        ([], 3, 1),
        ([UNREAD], 3, 1),
        ([UNREAD, UNREAD, UNREAD], 3, 0),
        ([READ], 3, 0),
        ([UNREAD, READ], 3, 0),
        ([], 0, 0),
    ],
)
def test_it_asks_until_a_reply_can_be_read(drawn: list[list[Row]], n: int, more: int) -> None:
    assert first_readable(drawn, n) == more
