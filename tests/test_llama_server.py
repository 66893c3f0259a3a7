"""Recipes against llama.cpp's own server over HTTP, with the real small model: a ``base_url`` is all that changes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from prefgen import load, run
from prefgen.llm import weights

ROOT = Path(__file__).parent.parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.model,
    pytest.mark.skipif(weights.find("smollm2-135m") is None, reason="no weights: prefgen models pull"),
]


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    command = [sys.executable, str(ROOT / "tests" / "llama_server.py"), "600"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as server:
        assert server.stdout is not None
        yield f"{server.stdout.readline().strip()}/v1"
        server.kill()


def test_self_taught_evaluators(base_url: str, tmp_path: Path) -> None:
    """The address alone; and, so that it ends in a test's time, few short replies. So small a model sorts no prompts."""
    asked = [f"models.{model}.base_url={base_url}" for model in ("writer", "judge")]
    short = ["models.writer.max_tokens=48", "models.judge.max_tokens=24", "steps.judgments.n=2"]
    unsorted = ["steps.labelled=null", "steps.prompts=null", "steps.responses.answer=all"]
    done = run(load(ROOT / "recipes" / "self-taught-evaluators.yaml", [*asked, *short, *unsorted]), tmp_path, take=2)
    responses, judged = done.counts["responses"], done.counts["judgments"]
    assert (responses.drawn, responses.failed.total(), judged.failed.total()) == (2, 0, 0)
    assert judged.drawn == judged.read + judged.unreadable.total()


def test_the_quickstart_with_grammar_and_likelihood_over_http(base_url: str, tmp_path: Path) -> None:
    model = ["use=openai/smollm2", f"base_url={base_url}", "likelihood=grammar", "max_tokens=100"]
    asked = [*(f"models.small.{one}" for one in model), "steps.responses.truncated=keep"]
    done = run(load(ROOT / "recipes" / "quickstart.yaml", asked), tmp_path, take=6)  # of few, none may be a pair
    assert not any(count.failed for count in done.counts.values())
    assert done.configs["judgments"]["train"] == done.counts["judgments"].drawn > 0
    margins = done.table("judgments")["score_a"] - done.table("judgments")["score_b"]
    assert margins.n_unique() == len(margins)
