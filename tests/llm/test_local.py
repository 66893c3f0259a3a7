"""The real small model, in this process. Its weights are pulled before the tests; nothing is fetched here."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from prefgen.errors import RowFailed
from prefgen.llm import weights
from prefgen.llm.local import Local
from prefgen.llm.request import Completion, Model, Request

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(weights.find("smollm2-135m") is None, reason="no weights: prefgen models pull"),
]
SMALL = Model(use="local/smollm2-135m", max_tokens=24)
WHY = [{"role": "user", "content": "Why is the sky blue?"}]


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    """The model, loaded once."""
    one = Local()
    yield one
    asyncio.run(one.close())


def asked(local: Local, requests: Sequence[tuple[Request, int]], at_once: int) -> list[Completion]:
    async def ask() -> list[Completion]:
        places = asyncio.Semaphore(at_once)

        async def one(request: Request, seed: int) -> Completion:
            async with places:
                return local.read((await local.send(request, [seed])).raws[0])

        return list(await asyncio.gather(*(one(*request) for request in requests)))

    return asyncio.run(ask())


def test_a_seed_decides_a_text_whatever_runs_beside_it(local: Local) -> None:
    requests = [(Request(SMALL, WHY), seed) for seed in (1, 2, 3, 1)]
    together, alone = asked(local, requests, at_once=4), asked(local, requests, at_once=1)
    assert [done.text for done in together] == [done.text for done in alone]
    assert together[0].text == together[3].text
    assert together[0].text != together[1].text


def test_given_text_comes_with_its_own_log_probabilities(local: Local) -> None:
    texts = ["Light is scattered by the air.", 'It says "blue",\n\\ or é 😀.', "table table lamp lamp"]
    scored = asked(local, [(Request(SMALL, WHY, given=text), 0) for text in texts], at_once=3)
    means = [sum(done.logprobs) / len(done.logprobs) for done in scored]
    assert all(value < 0 for done in scored for value in done.logprobs)
    assert means[0] > means[2]


def test_a_grammar_and_a_schema_hold_the_model(local: Local) -> None:
    schema = {"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]}
    by_grammar = Request(SMALL, WHY, grammar='root ::= "[[A]]" | "[[B]]"')
    found = asked(local, [(by_grammar, 1), (Request(SMALL, WHY, schema=schema), 1)], at_once=2)
    assert found[0].text in {"[[A]]", "[[B]]"}
    assert found[1].text.replace(" ", "").replace("\n", "") in {'{"yes":true}', '{"yes":false}'}


def test_faults_of_one_request_are_that_row_s(local: Local) -> None:
    with pytest.raises(RowFailed) as caught:
        asked(local, [(Request(SMALL, [{"role": "user", "content": "hi " * 4000}]), 1)], at_once=1)
    assert caught.value.reason == "context_too_long"
    with pytest.raises(RowFailed) as caught:
        asked(local, [(Request(SMALL, WHY, grammar="a ::= x"), 1)], at_once=1)
    assert caught.value.reason == "bad_request"


def test_what_a_key_is_made_of_needs_no_weights() -> None:
    sees = Local().sees(Request(SMALL, WHY))
    assert sees["model"] == "smollm2-135m"
    assert sees["max_tokens"] == 24


def test_a_file_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    """One training round after another may write to one path, with one size."""
    path = tmp_path / "model.gguf"
    own = Request(Model(use=f"local/{path}"), WHY)
    seen = []
    for round_, content in enumerate((b"one", b"two", b"one")):
        path.write_bytes(content)
        os.utime(path, ns=(round_, round_))
        seen.append(Local().sees(own)["model"])
    assert seen[0] == seen[2] != seen[1]
    assert str(tmp_path) not in seen[0]
