"""Each verb over a table that a run could have left: shards of it give what the whole gives."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def short(*words: str) -> list[str]:
    command = [sys.executable, str(ROOT / "bench" / "tables.py"), "--short", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_shards_of_a_table_give_what_the_whole_gives() -> None:
    lines = short("length_control", "decontaminate", "elo", "configs.preferences")
    assert lines[0] == "length_control: 5,000 rows and 5,000 dropped, alike"
    assert lines[1].endswith("dropped, alike")
    assert lines[2] == "elo: sees the whole table"
    assert lines[3] == "configs.preferences: 10,000 rows, alike"


@pytest.mark.slow
def test_of_every_verb() -> None:
    assert len(short()) > 60
