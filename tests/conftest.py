"""Fixtures of tests in more than one place, and what libraries read when they are imported."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from prefgen.card import drawing
from tests.browser import browser

if TYPE_CHECKING:
    from tests.shipped import Shipped

__all__ = ["browser"]

CACHE = tempfile.mkdtemp(prefix="prefgen-datasets-")
"""Where ``datasets`` keeps what it has read: not where its user's own lies, and gone with the process."""
os.environ["HF_DATASETS_CACHE"] = CACHE
atexit.register(shutil.rmtree, CACHE, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _drawn_together() -> Iterator[None]:
    """One process draws the pictures of all runs of a worker: it takes longer to start than to draw."""
    with drawing.together():
        yield


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> "Shipped":
    """Runs of shipped recipes, each made once for all workers."""
    from tests.shipped import Shipped

    home = tmp_path_factory.getbasetemp()
    return Shipped((home if worker_id == "master" else home.parent) / "shipped")
