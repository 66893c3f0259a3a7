"""What is planted is found, so often, and nothing else."""

from pathlib import Path

import pytest

from prefgen.audit import Asked, Audit, audit
from prefgen.audit.checks import NAMES
from tests.audit.planted import Planted, planted


def audited(made: Planted, place: Path) -> Audit:
    against = place / "benchmark.txt"
    against.write_text("\n".join(made.benchmark))
    return audit(Asked(str(made.folder(place / "d"))), against=[str(against)])


def counts(found: Audit) -> dict[str, int]:
    return {one["name"]: one["count"] for one in found.findings if one["count"]}


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_each_planted_fault_is_found_so_often_and_nothing_else(seed: int, tmp_path: Path) -> None:
    made = planted(seed)
    found = audited(made, tmp_path)
    assert counts(found) == dict(made.counts)
    assert set(made.counts) == set(NAMES)
