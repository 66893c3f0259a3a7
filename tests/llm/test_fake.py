import asyncio

import pytest

from prefgen.errors import ProviderError, RowFailed, TryAgain
from prefgen.llm.fake import ALL, Fake
from prefgen.llm.request import Completion, Model, Request, Usage

MODEL = Model("fake/echo", temperature=0.5, max_tokens=7)
REQUEST = Request(MODEL, [{"role": "user", "content": "hi"}])


def echo(request: Request, seed: int) -> str:
    return f"{request.messages[-1]['content']} {seed}"


def sent(fake: Fake, seeds: list[int], request: Request = REQUEST) -> list[Completion]:
    return [fake.read(raw) for raw in asyncio.run(fake.send(request, seeds)).raws]


def test_a_function_answers_each_seed() -> None:
    assert [done.text for done in sent(Fake({"echo": echo}), [1, 2])] == ["hi 1", "hi 2"]


def test_a_reply_is_read_as_it_was_made() -> None:
    made = Completion("text", "length", (-0.5, -1.0), Usage(3, 4), "echo-2")
    assert sent(Fake({"echo": lambda _request, _seed: made}), [1]) == [made]


def test_plain_text_counts_nothing_and_is_signed_with_the_models_name() -> None:
    assert sent(Fake({"echo": echo}), [1]) == [Completion("hi 1", snapshot="echo")]


def test_a_function_may_be_async() -> None:
    async def slow(request: Request, seed: int) -> str:
        await asyncio.sleep(0)
        return echo(request, seed)

    assert sent(Fake({"echo": slow}), [3])[0].text == "hi 3"


def test_faults_come_through() -> None:
    def failing(_request: Request, _seed: int) -> str:
        raise RowFailed("bad_request", "no")

    with pytest.raises(RowFailed):
        sent(Fake({"echo": failing}), [1])


def test_an_unknown_name_tells_the_known_ones() -> None:
    with pytest.raises(
        ProviderError, match=r"no fake model 'fake/echo' \(known: fake/a, fake/b\).*prefgen.run\(fakes="
    ):
        sent(Fake({"b": echo, "a": echo}), [1])
    with pytest.raises(ProviderError, match="known: none"):
        sent(Fake({}), [1])


def test_anything_but_text_is_a_mistake_of_the_function() -> None:
    with pytest.raises(TypeError, match="fake/echo gave int"):
        sent(Fake({"echo": lambda _request, _seed: 5}), [1])  # type: ignore[dict-item,return-value]


def test_what_it_can_is_what_it_was_made_with() -> None:
    assert Fake({}).can(MODEL) == ALL == {"n", "given", "grammar", "schema"}
    assert Fake({}, frozenset({"schema"})).can(MODEL) == {"schema"}
    assert Fake({}).notices(MODEL) == ()


def test_a_request_is_its_content_and_sampling() -> None:
    seen = Fake({}).sees(REQUEST)
    assert seen == {
        "model": "echo",
        "messages": [{"role": "user", "content": "hi"}],
        "given": None,
        "grammar": None,
        "schema": None,
        "temperature": 0.5,
        "max_tokens": 7,
    }


def test_a_raw_of_another_kind_holds_no_reply() -> None:
    with pytest.raises(TryAgain):
        Fake({}).read({"choice": {}})
