"""Slices of a run, made without Ray, and their merge: the bytes of one run, and no call more."""

from pathlib import Path

import pytest

from prefgen import run
from prefgen.errors import RunError
from prefgen.far.merge import Merge
from prefgen.far.slices import Slice, run_slice
from tests.far.five import digest, recipe
from tests.servers import OpenAIServer
from tests.spoken import spoken

TAKE = 40


def test_slices_merged_are_one_run(tmp_path: Path) -> None:
    with OpenAIServer(spoken) as server:
        alone = run(recipe(server), tmp_path / "alone", take=TAKE)
        sent = len(server.requests)
        for number in (2, 0, 1):
            done = run_slice(recipe(server), Slice(number, 3), tmp_path / "meet", take=TAKE)
            assert done.made
        merged = run(recipe(server), tmp_path / "merged", take=TAKE, engine=Merge(tmp_path / "meet"))
        assert len(server.requests) == 2 * sent
    assert digest(merged.dataset) == digest(alone.dataset)
    assert digest(merged.folder / "tables") == digest(alone.folder / "tables")


def test_a_slice_that_is_missing_is_named(tmp_path: Path) -> None:
    with OpenAIServer(spoken) as server:
        for number in (0, 2):
            run_slice(recipe(server), Slice(number, 3), tmp_path / "meet", take=TAKE)
        sent = len(server.requests)
        with pytest.raises(RunError, match=r"ranges are missing, of the shards 1/3; run what is missing again"):
            run(recipe(server), tmp_path / "merged", take=TAKE, engine=Merge(tmp_path / "meet"))
        assert len(server.requests) == sent
        rest = run(recipe(server), tmp_path / "merged", take=TAKE, engine=Merge(tmp_path / "meet", rest=True))
        alone = run(recipe(server), tmp_path / "alone", take=TAKE)
    assert digest(rest.dataset) == digest(alone.dataset)
