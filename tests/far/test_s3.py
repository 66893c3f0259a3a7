"""A whole run by way of a bucket, on loopback, while requests to it fail in every way that passes."""

from itertools import cycle
from pathlib import Path

import pytest

from prefgen import run
from prefgen.engines.ray import Ray
from prefgen.errors import RunError
from prefgen.far.merge import Merge
from prefgen.far.slices import Slice, run_slice
from tests.far.five import digest, recipe
from tests.s3 import FAULTS, S3, Fault
from tests.s3 import s3_fixture as s3
from tests.servers import OpenAIServer
from tests.spoken import spoken

__all__ = ["s3"]
TAKE = 24


def faulty(s3: S3) -> None:
    """Every seventh request to the bucket fails, each in another way than the one before."""
    faults = cycle(FAULTS)

    def plan(number: int, method: str, path: str) -> Fault:
        return next(faults) if number % 7 == 0 else ""

    s3.plan = plan


def test_slices_meet_in_a_bucket_that_fails_now_and_then(s3: S3, tmp_path: Path) -> None:
    faulty(s3)
    with OpenAIServer(spoken) as server:
        alone = run(recipe(server), tmp_path / "alone", take=TAKE)
        sent, meet = len(server.requests), s3.url()
        for number in range(2):
            run_slice(recipe(server), Slice(number, 2), meet, take=TAKE)
        merged = run(recipe(server), tmp_path / "merged", take=TAKE, engine=Merge(meet))
        assert len(server.requests) == 2 * sent
    assert {*s3.played} == {*FAULTS}
    assert digest(merged.dataset) == digest(alone.dataset)


def test_a_bucket_that_is_not_there_is_told_before_anything_is_sent(s3: S3, tmp_path: Path) -> None:
    with OpenAIServer(spoken) as server:
        with pytest.raises(RunError, match="s3://no-such-bucket/run"):
            run_slice(recipe(server), Slice(0, 2), "s3://no-such-bucket/run", take=TAKE)
        assert not server.requests


@pytest.mark.slow
def test_workers_of_ray_meet_in_a_bucket_that_fails_now_and_then(s3: S3, tmp_path: Path) -> None:
    faulty(s3)
    with OpenAIServer(spoken) as server:
        alone = run(recipe(server), tmp_path / "alone", take=TAKE)
        sent = len(server.requests)
        done = run(recipe(server), tmp_path / "ray", take=TAKE, engine=Ray(workers=2, storage=s3.url()))
        assert len(server.requests) == 2 * sent
    assert {*s3.played} == {*FAULTS}
    assert digest(done.dataset) == digest(alone.dataset)
