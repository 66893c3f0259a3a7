"""How long each reader of judges' words takes on 100 kB: a long analysis, and the worst of some hundred hostile texts.

python bench/reading.py
"""

import sys
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from prefgen.asker import Reply
from prefgen.errors import Unreadable
from tests.judges.reading.test_fuzz import LONG
from tests.judges.reading.test_texts import READERS

SIZE = 100_000
PROSE = "Assistant A explains the second step in more detail, while assistant B leaves it out.\n"


def seconds(reader: str, piece: str) -> float:
    """The best of three."""
    text, best = piece * (SIZE // len(piece)), 9.0
    for _ in range(3):
        began = time.perf_counter()
        with suppress(Unreadable):
            READERS[reader](Reply(text))
        best = min(best, time.perf_counter() - began)
    return best


if __name__ == "__main__":
    print(f"{'reader':22} {'prose':>9} {'worst':>9}")
    for reader in READERS:
        worst = max(seconds(reader, piece) for piece in LONG)
        print(f"{reader:22} {1000 * seconds(reader, PROSE):6.1f} ms {1000 * worst:6.1f} ms")
