"""What the report of many pairs costs: a run's folder made directly, and `prefgen report`.

python bench/report.py [PAIRS]
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.measure import ROOT, run
from tests.report.large import large

PAIRS = 100_000

if __name__ == "__main__":
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    with TemporaryDirectory() as folder:
        place = large(Path(folder) / "run", pairs)
        log = Path(folder) / "log"
        cost = run([sys.executable, str(ROOT / "cli.py"), "report", str(place)], log, most=600)
        assert cost.status == 0, log.read_text()
        size = (place / "report.html").stat().st_size / 1e6
        print(f"{pairs:,} pairs: {cost.cpu:.1f} s of CPU, {cost.wall:.1f} s, {size:.1f} MB, at {cost.together:,.0f} MB")
