import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from prefgen import Recipe, dataset, do, placed, run
from prefgen import plan as planning
from prefgen.errors import ProviderError, RecipeError, RowFailed, RunError, TryAgain
from prefgen.llm import engines, guarded, vllm
from prefgen.llm.client import Client
from prefgen.llm.engines import Served
from prefgen.llm.journal import Journal
from prefgen.llm.local import Local
from prefgen.llm.outcome import Tally
from prefgen.llm.replica import Ask, at, is_placed, name_of
from prefgen.llm.request import Completion, Engine, Model, Request, key
from prefgen.llm.vllm import VLLM
from prefgen.planned import Plan
from tests import standin
from tests.servers import Body, OpenAIServer, Response, chat, logprob, tokens

ASKED = [{"role": "user", "content": "Say hello."}]
QWEN = Model("vllm/Qwen/Qwen3-8B", temperature=0.7, max_tokens=50)
PLACED = replace(QWEN, base_urls=("replica://one", "replica://two"))


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLLM_API_KEY", raising=False)


def answers(body: Body) -> str:
    return f"to {body['messages'][-1]['content']}"


def replica(seen: list[tuple[str, Body]], status: int = 200, error: Any = None) -> Ask:
    """Answers as a server would, and keeps what it was asked."""

    async def ask(address: str, body: bytes, seconds: float) -> tuple[int, Mapping[str, str], bytes]:
        seen.append((address, json.loads(body)))
        told = error or chat([answers(seen[-1][1])] * (seen[-1][1].get("n") or 1), {"model": "x", **seen[-1][1]})
        return status, {}, json.dumps(told).encode()

    return ask


def done(request: Request, *seeds: int, ask: Ask | None = None) -> list[Completion]:
    async def go() -> list[Completion]:
        provider = VLLM(ask)
        try:
            return [provider.read(raw) for raw in (await provider.send(request, seeds or [7])).raws]
        finally:
            await provider.close()

    return asyncio.run(go())


# --- what is asked --------------------------------------------------------------------------


def both(request: Request, *seeds: int) -> tuple[Body, Body, list[Completion], list[Completion]]:
    """What a server and a replica are told for the same request, and what is read of either's answer."""
    seen: list[tuple[str, Body]] = []
    with OpenAIServer(answers) as server:
        far = request._replace(model=replace(request.model, base_url=server.base_url))
        by_server = done(far, *seeds)
        (body,) = server.bodies
    near = request._replace(model=replace(request.model, base_url="replica://one"))
    by_replica = done(near, *seeds, ask=replica(seen))
    return body, seen[0][1], by_server, by_replica


SCHEMA = {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    "request_",
    [
        Request(QWEN, ASKED),
        Request(replace(QWEN, extra={"top_k": 20, "seed": None}), ASKED),
        Request(QWEN, ASKED, schema=SCHEMA),
        Request(QWEN, ASKED, given=" a good text"),
    ],
)
def test_servers_and_replicas_are_told_and_read_alike(request_: Request) -> None:
    seeds = [7] if request_.given else [7, 8]
    body, near, by_server, by_replica = both(request_, *seeds)
    assert near == body
    assert by_server == by_replica
    assert len(by_server) == len(seeds)
    assert body["model"] == "Qwen/Qwen3-8B"


def test_given_text_is_scored_by_the_prompt_without_a_word_of_the_recipe() -> None:
    text = " a good text"
    body, _, (scored,), _ = both(Request(QWEN, ASKED, given=text), 7)
    assert scored.logprobs == tuple(logprob(token) for token in tokens(text))
    assert (body["prompt_logprobs"], body["continue_final_message"], body["max_tokens"]) == (1, True, 1)
    assert body["messages"][-1] == {"role": "assistant", "content": text}


def test_a_grammar_stands_among_structured_outputs() -> None:
    body, near, _, _ = both(Request(QWEN, ASKED, grammar='root ::= "a" | "b"'), 7)
    assert body["structured_outputs"] == near["structured_outputs"] == {"grammar": 'root ::= "a" | "b"'}
    assert "grammar" not in body


def test_what_it_can_and_costs() -> None:
    provider = VLLM()
    assert provider.can(QWEN) == {"n", "given", "grammar", "schema"}
    assert provider.price(QWEN) == provider.price(PLACED) == {"input": 0.0, "output": 0.0}
    assert provider.price(replace(QWEN, base_url="http://10.0.0.7:8000/v1")) == {"input": 0.0, "output": 0.0}
    assert provider.price(replace(QWEN, base_url="https://gpus.example/v1")) is None
    assert provider.price(replace(QWEN, price={"input": 1.0, "output": 2.0})) == {"input": 1.0, "output": 2.0}
    assert provider.caching(QWEN) is None


# --- keys -----------------------------------------------------------------------------------


def seen(model: Model, **asked: Any) -> bytes:
    return key(VLLM().sees(Request(model, ASKED, **asked)), 0, 0)


@pytest.mark.parametrize("asked", [{}, {"given": "text"}, {"grammar": "g"}, {"schema": SCHEMA}])
def test_a_key_does_not_say_who_answers_nor_where_it_runs(asked: dict[str, Any]) -> None:
    how: Engine = {
        "replicas": 4, "tensor_parallel_size": 2, "pipeline_parallel_size": 2, "max_model_len": 8192, "max_num_seqs": 8,
        "max_num_batched_tokens": 8192, "gpu_memory_utilization": 0.8, "cpu_offload_gb": 4, "enforce_eager": True,
        "enable_prefix_caching": False,
    }  # fmt: skip
    others = [
        replace(QWEN, base_url="http://localhost:8000/v1"),
        replace(QWEN, base_urls=("http://a.lan/v1", "http://b.lan/v1"), api_key_env="K", concurrency=3),
        PLACED,
        replace(QWEN, engine=how),
        replace(PLACED, engine=how, likelihood="prompt_logprobs"),
    ]
    assert {seen(model, **asked) for model in others} == {seen(QWEN, **asked)}


def test_what_changes_replies_is_in_the_key() -> None:
    own: list[Engine] = [{"quantization": "fp8"}, {"dtype": "float16"}, {"kv_cache_dtype": "fp8"}, {"revision": "v2"},
        {"reasoning_parser": "qwen3"}, {"generation_config": "vllm"}]  # fmt: skip
    keys = {seen(replace(QWEN, engine=one)) for one in own}
    assert len(keys | {seen(QWEN)}) == len(own) + 1
    assert set(Engine.__annotations__) == {*vllm.OF_REPLIES, *UNSEEN}


UNSEEN = {
    "replicas", "threads", "tensor_parallel_size", "pipeline_parallel_size", "max_model_len", "max_num_seqs",
    "max_num_batched_tokens", "gpu_memory_utilization", "cpu_offload_gb", "enable_prefix_caching", "enforce_eager",
}  # fmt: skip
"""Settings that say where and how fast a model runs."""


# --- recipes --------------------------------------------------------------------------------


def recipe(**model: Any) -> Recipe:
    steps = {"prompts": do("load", [{"prompt": "hello"}]), "responses": do("answer", "prompts", model="m")}
    return Recipe(name="r", models={"m": {"use": QWEN.use, **model}}, steps=steps, write={"responses": "responses"})


def plan_of(**model: Any) -> Plan:
    return planning.make(recipe(**model), writers=dataset.CONFIGS)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"engine": {"gpus": 2}}, "gpus"),
        ({"engine": {"trust_remote_code": True}}, "trust_remote_code"),
        ({"engine": {"replicas": 0}}, "replicas"),
        ({"engine": {"tensor_parallel_size": "2 --trust-remote-code"}}, "tensor_parallel_size"),
        ({"use": "vllm/--config=evil.yaml"}, "names no model"),
        ({"use": "openai/gpt-5-mini", "engine": {"replicas": 2}}, "engine is for vllm/"),
        ({"base_url": "nowhere"}, "is no address"),
        ({"base_url": "https://gpus.example/v1"}, "needs a key"),
    ],
)
def test_wrong_settings_are_told_before_anything_runs(model: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words) as caught:
        plan_of(**model)
    assert len(caught.value.problems) == 1


def test_a_model_without_an_address_is_placed_and_told() -> None:
    plan = plan_of(engine={"tensor_parallel_size": 2})
    assert [is_placed(model) for model in plan.models["m"]] == [True]
    assert "runs the weights Qwen/Qwen3-8B" in plan.notices
    served = plan_of(base_urls=["http://10.0.0.7:8000/v1"], engine={"quantization": "fp8"})
    assert not is_placed(served.models["m"][0])
    assert "what engine says is not sent" in " ".join(served.notices)


def test_without_ray_and_without_an_address_both_cures_are_told() -> None:
    with pytest.raises(RecipeError, match=r"m: vllm/Qwen/Qwen3-8B has no address.*base_urls: \[…\].*--engine ray"):
        placed.refuse(plan_of())
    placed.refuse(plan_of(base_url="http://localhost:8000/v1"))
    placed.refuse(plan_of(use="local/smollm2-135m", engine={"replicas": 2}))
    with pytest.raises(ProviderError, match=r"base_urls.*--engine ray"):
        done(Request(QWEN, ASKED))
    with pytest.raises(ProviderError, match=r"base_urls.*--engine ray"):
        done(Request(PLACED.endpoints()[0], ASKED))


def test_a_plan_is_asked_at_its_replicas_and_nothing_else_of_it_moves() -> None:
    plan = plan_of(temperature=0.5)
    model = plan.models["m"][0]
    moved = placed.placed(plan, {name_of(model): ["replica://a", "replica://b"]})
    (one,) = moved.models["m"]
    assert moved.steps["responses"].models[0] is one
    assert [each.base_url for each in one.endpoints()] == ["replica://a", "replica://b"]
    assert (one.concurrency, one.temperature) == (256, 0.5)
    assert seen(one) == seen(model)
    assert placed.placed(plan, {}) is plan
    assert moved.recipe == plan.recipe
    assert (
        name_of(replace(model, temperature=0.1)) == name_of(model) != name_of(replace(model, engine={"dtype": "half"}))
    )
    assert at(replace(model, concurrency=3), {name_of(model): ["replica://a"]}).concurrency == 3


# --- servers --------------------------------------------------------------------------------


def test_a_recipe_is_asked_at_its_servers_without_a_key(tmp_path: Path) -> None:
    """The same folder then runs on other servers, and asks nothing: addresses are in no key."""
    with OpenAIServer(answers) as one, OpenAIServer(answers) as two:
        found = run(recipe(base_urls=[one.base_url, two.base_url]), tmp_path / "r")
        assert len(one.bodies + two.bodies) == 1
        run(recipe(base_url=two.base_url, engine={"replicas": 3}), tmp_path / "r")
        assert len(one.bodies + two.bodies) == 1
    assert found.table("responses")["response"].to_list() == ["to hello"]


async def drawn(model: Model, prompts: int, folder: Path, ask: Ask | None = None) -> tuple[list[str], Tally]:
    journal, tally = Journal(folder / "journal.sqlite"), Tally()
    client = Client(journal, ask=ask)
    requests = [Request(model, [{"role": "user", "content": str(i)}]) for i in range(prompts)]
    try:
        found = await asyncio.gather(*(client.draw(request, [0], tally) for request in requests))
        return [one.completion.text for (one,) in found if one.completion], tally
    finally:
        await client.close()
        journal.close()


def test_the_least_busy_server_is_asked(tmp_path: Path) -> None:
    with OpenAIServer(answers, latency=0.05) as one, OpenAIServer(answers, latency=0.05) as two:
        model = replace(QWEN, base_urls=(one.base_url, two.base_url), concurrency=5)
        texts, tally = asyncio.run(drawn(model, 40, tmp_path))
        assert (len(one.bodies), len(two.bodies)) == (20, 20)
    assert (sorted(texts), tally.calls) == (sorted(f"to {i}" for i in range(40)), 40)


def test_a_server_started_with_a_key_is_asked_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "vk-0123456789")
    with OpenAIServer(answers) as server:
        done(Request(replace(QWEN, base_url=server.base_url, api_key_env="VLLM_API_KEY"), ASKED))
        done(Request(replace(QWEN, base_url=server.base_url), ASKED))
    assert [one.headers["authorization"] for one in server.requests] == ["Bearer vk-0123456789", "Bearer none"]


# --- replicas -------------------------------------------------------------------------------


def test_replicas_share_the_work_and_one_that_goes_is_asked_no_more(tmp_path: Path) -> None:
    by: dict[str, int] = {"replica://one": 0, "replica://two": 0}
    inside: dict[str, int] = dict(by)
    most: dict[str, int] = dict(by)

    async def ask(address: str, body: bytes, seconds: float) -> tuple[int, Mapping[str, str], bytes]:
        inside[address] += 1
        most[address] = max(most[address], inside[address])
        by[address] += 1
        await asyncio.sleep(0.01)
        inside[address] -= 1
        if address == "replica://two" and by[address] > 10:
            raise TryAgain("connection_lost", "two: the replica is starting again", attempts=8)
        told = json.loads(body)
        return 200, {}, json.dumps(chat([answers(told)], told)).encode()

    texts, tally = asyncio.run(drawn(replace(PLACED, concurrency=4), 60, tmp_path, ask))
    assert sorted(texts) == sorted(f"to {i}" for i in range(60))
    assert set(most.values()) == {4}
    assert 10 < by["replica://two"] < 20
    assert sum(by.values()) == 60 + tally.retries
    assert tally.retries


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"message": "This model's maximum context length is 8192 tokens.", "code": 400}, RowFailed),
        (404, {"message": "The model `x` does not exist.", "code": 404}, ProviderError),
        (500, {"message": "EngineCore encountered an issue.", "code": 500}, TryAgain),
        (503, {"message": "vllm/x does not start", "code": 503}, TryAgain),
    ],
)
def test_what_a_replica_says_means_what_a_server_means_by_it(status: int, error: Body, kind: type[Exception]) -> None:
    with pytest.raises(kind) as by_replica:
        done(Request(PLACED.endpoints()[0], ASKED), ask=replica([], status, {"error": error}))
    with OpenAIServer(lambda _: Response({"error": error}, status)) as server, pytest.raises(kind) as by_server:
        done(Request(replace(QWEN, base_url=server.base_url), ASKED))
    assert type(by_replica.value) is type(by_server.value)
    assert getattr(by_replica.value, "reason", "") == getattr(by_server.value, "reason", "")


def test_a_local_model_is_asked_at_its_replicas_under_the_same_keys() -> None:
    small = Model("local/smollm2-135m", max_tokens=5, engine={"replicas": 2, "threads": 1})
    moved = at(small, {name_of(small): ["replica://one"]})
    seen: list[tuple[str, Body]] = []

    async def go(ask: Ask) -> list[str]:
        local = Local(ask=ask)
        return [local.read(raw).text for raw in (await local.send(Request(moved, ASKED), [7, 8])).raws]

    assert asyncio.run(go(replica(seen))) == ["to Say hello."] * 2
    assert [(address, body["seed"], body["max_tokens"]) for address, body in seen] == [
        ("replica://one", 7, 5),
        ("replica://one", 8, 5),
    ]
    assert Local().sees(Request(moved, ASKED)) == Local().sees(
        Request(Model("local/smollm2-135m", max_tokens=5), ASKED)
    )
    with pytest.raises(RowFailed) as caught:
        asyncio.run(
            go(replica([], 400, {"error": {"message": "the request exceeds the available context size", "code": 400}}))
        )
    assert caught.value.reason == "context_too_long"


# --- its server, as a process -----------------------------------------------------------------


def test_what_vllms_command_is_told() -> None:
    how: Engine = {"replicas": 2, "tensor_parallel_size": 2, "enforce_eager": True, "enable_prefix_caching": False, "dtype": "half"}  # fmt: skip
    told = engines.arguments(replace(QWEN, engine=how), 8123)
    assert told == [
        "serve", "Qwen/Qwen3-8B", "--host=127.0.0.1", "--port=8123", "--served-model-name=Qwen/Qwen3-8B",
        "--distributed-executor-backend=mp", "--dtype=half", "--no-enable-prefix-caching", "--enforce-eager",
        "--tensor-parallel-size=2",
    ]  # fmt: skip
    assert engines.gpus(replace(QWEN, engine=how)) == 2
    assert engines.gpus(replace(QWEN, engine={"tensor_parallel_size": 2, "pipeline_parallel_size": 2})) == 4
    assert engines.gpus(Model("local/smollm2-135m", engine={"replicas": 2})) == 0


def test_where_vllm_is_not_installed_it_is_said() -> None:
    if find_spec("vllm"):
        pytest.skip("vLLM is installed here")
    with pytest.raises(RunError, match=r"vLLM is not installed on .*pip install 'prefgen\[vllm\]' there"):
        engines.command(QWEN, 8000)


def engine_of(model: Model, work: Callable[[Served], Any]) -> Any:
    """What comes of some work with the stand-in's server, started and ended."""

    async def go() -> Any:
        engine = standin.served(model)
        try:
            await engine.start()
            return await work(engine)
        finally:
            await engine.close()
            assert not engine.alive

    return asyncio.run(go())


def body_of(text: str) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": text}]}).encode()


def test_a_server_process_is_started_asked_and_ended() -> None:
    async def ask(engine: Served) -> Sequence[Any]:
        at_once = [engine.ask(body_of(text), 5.0) for text in ("one", "two")]
        late = await engine.ask(body_of("wait 5"), 0.2)
        return [*await asyncio.gather(*at_once), late]

    one, two, late = engine_of(Model("vllm/x"), ask)
    texts = [json.loads(body)["choices"][0]["message"]["content"] for _, _, body in (one, two)]
    assert [text.split(" ", 1)[1] for text in texts] == ["one", "two"]
    assert (one[0], late[0]) == (200, 504)


def test_a_server_process_that_dies_is_seen_to_be_dead() -> None:
    async def die(engine: Served) -> tuple[int, bool]:
        return (await engine.ask(body_of("die"), 5.0))[0], engine.alive

    assert engine_of(Model("vllm/x"), die) == (502, False)


def test_a_server_process_that_does_not_start_says_why() -> None:
    with pytest.raises(RunError, match=r"vllm/cannot does not start: ValueError: No available memory for the cache"):
        engine_of(Model("vllm/cannot"), lambda engine: asyncio.sleep(0))


KILLED = """
import sys, time
from prefgen.llm.guarded import Guarded
Guarded([sys.executable, "-c", "import os, subprocess, sys; one = subprocess.Popen(['sleep', '60']); "
    "open(sys.argv[1], 'w').write(f'{os.getpid()} {one.pid}'); one.wait()", sys.argv[1]], {})
time.sleep(60)
"""


def test_a_process_ends_with_the_one_that_started_it_and_so_do_its_own(tmp_path: Path) -> None:
    written = tmp_path / "pids"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(written)]) as owner:
        until = time.monotonic() + standin.SOON
        while not (written.exists() and written.read_text()) and time.monotonic() < until:
            time.sleep(0.02)
        owner.kill()
    assert all(standin.gone(int(pid)) for pid in written.read_text().split())


def test_the_last_error_of_a_log() -> None:
    log = "x\nValueError: first\ntorch.OutOfMemoryError: CUDA out of memory.\nRuntimeError: Engine core initialization failed. See root cause above.\nbye"
    assert guarded.last_error(log) == "OutOfMemoryError: CUDA out of memory."
    assert guarded.last_error("a\nb\n") == "b"
    assert guarded.last_error("") == "it ended without a word"
