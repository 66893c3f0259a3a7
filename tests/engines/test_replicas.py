"""Replicas on a Ray of this machine, whose GPUs are pretended: where they go, how they are asked, and how they end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from prefgen import Recipe, dataset, do, placed
from prefgen import plan as planning
from prefgen.engines import replicas
from prefgen.engines.replicas import Wanted, shares
from prefgen.errors import RunError, TryAgain
from prefgen.llm import weights
from prefgen.llm.client import Client
from prefgen.llm.journal import Journal
from prefgen.llm.outcome import Tally
from prefgen.llm.replica import at, name_of
from prefgen.llm.request import Model, Request
from prefgen.planned import Plan
from prefgen.stages import make_tables
from tests import standin


def wanted(use: str = "vllm/x", gpus: int = 1, count: int | None = None, make: Any = standin.StandIn) -> Wanted:
    return Wanted(use, partial(make, Model(use)), gpus, count)


# --- where they go --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "asked", "found"),
    [
        ([2], [(1, None)], [[0, 0]]),
        ([2], [(2, None)], [[0]]),
        ([8, 8], [(2, 3)], [[0, 0, 0]]),
        ([1, 2], [(2, 1), (1, 1)], [[1], [0]]),
        ([0, 4], [(1, None), (1, None)], [[1, 1], [1, 1]]),
        ([4, 4], [(4, 1), (1, None)], [[0], [1, 1, 1, 1]]),
        ([3, 3], [(2, None)], [[0, 1]]),
        ([4, 2], [(2, 1), (4, None)], [[1], [0]]),
        ([0, 0], [(0, 3)], [[0, 1, 0]]),
        ([2], [(1, 1), (0, 2)], [[0], [0, 0]]),
    ],
)
def test_as_many_replicas_as_gpus_allow_each_on_one_node(
    nodes: list[int], asked: list[tuple[int, int | None]], found: list[list[int]]
) -> None:
    """(GPUs of one, replicas) of each model in, the node of each replica out."""
    assert shares(nodes, [wanted(gpus=gpus, count=count) for gpus, count in asked]) == found


@pytest.mark.parametrize(
    ("nodes", "asked", "words"),
    [
        ([2], [(1, 3)], r"3 replicas of 1 GPUs each are wanted, and the Ray cluster has 2 GPUs on 1 nodes"),
        ([1, 1], [(2, None)], r"1 replicas of 2 GPUs each .* 2 GPUs on 2 nodes \(a replica's are one node's\)"),
        ([0], [(1, None)], r"the Ray cluster has no GPU; start nodes with GPUs, or name servers in base_urls"),
        ([2], [(2, 1), (1, None)], r"1 replicas of 1 GPUs each are wanted, beside those of vllm/x, and"),
    ],
)
def test_too_few_gpus_are_told(nodes: list[int], asked: list[tuple[int, int | None]], words: str) -> None:
    with pytest.raises(RunError, match=words):
        shares(nodes, [wanted(gpus=gpus, count=count) for gpus, count in asked])


# --- on a Ray of this machine -----------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A Ray with two cores and two pretended GPUs; its address."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray = pytest.importorskip("ray")
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    ray.init(address="local", num_cpus=2, num_gpus=2, _node_ip_address="127.0.0.1", **quiet)
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


def texts(model: Model, prompts: Sequence[str], folder: Path) -> tuple[list[str], Tally]:
    """What a client hears to these prompts."""

    async def go() -> tuple[list[str], Tally]:
        journal, tally = Journal(folder / "journal.sqlite"), Tally()
        client = Client(journal, ask=replicas.ask)
        requests = [Request(model, [{"role": "user", "content": prompt}]) for prompt in prompts]
        try:
            found = await asyncio.gather(*(client.draw(request, [0], tally) for request in requests))
            return [one.completion.text for (one,) in found if one.completion], tally
        finally:
            await client.close()
            journal.close()

    return asyncio.run(go())


def at_replicas(model: Model, addresses: Sequence[str]) -> Model:
    return at(model, {name_of(model): addresses})


def pid_of(text: str) -> int:
    return int(text.split(" ", maxsplit=1)[0])


def all_free() -> bool:
    """Whether both GPUs are nobody's within some seconds."""
    import ray

    until = time.monotonic() + standin.SOON
    while time.monotonic() < until:
        if ray.available_resources().get("GPU") == 2:  # type: ignore[no-untyped-call]
            return True
        time.sleep(0.1)
    return False


X = Model("vllm/x", concurrency=4)


@pytest.mark.slow
def test_each_replica_has_gpus_of_its_own_and_as_much_to_do(cluster: str, tmp_path: Path) -> None:
    said: list[str] = []
    with replicas.started([wanted()], said.append) as (addresses,):
        model = at_replicas(X, addresses)
        gpus, _ = texts(model, ["gpus"] * 1 + [f"wait 0.3{i}" for i in range(7)] + ["gpus "], tmp_path)
        by = [pid_of(text) for text in gpus]
        assert len(addresses) == len(set(by)) == 2
        assert sorted(by.count(pid) for pid in set(by)) == [4, 5]
        assert pid_of(from_a_worker(addresses[0])) in by
    assert said[0] == "vllm/x: starting 2 replicas of 1 GPUs; loading may take minutes"
    assert all(standin.gone(pid) for pid in set(by))
    with pytest.raises(TryAgain, match=r"gone|no such replica"):
        asyncio.run(replicas.ask(addresses[0], standin_body("hello"), 5))
    with replicas.started([wanted(gpus=2)]) as (addresses,):
        (text,), _ = texts(at_replicas(Model("vllm/y"), addresses), ["gpus"], tmp_path)
        assert len(addresses) == 1
        assert text.split(" ")[1] == "0,1"


def from_a_worker(address: str) -> str:
    """What a replica answers to a task in another process of the same job."""
    import ray

    told = ray.get(ray.remote(lambda: asyncio.run(replicas.ask(address, standin_body("hello"), 5))).remote())
    return str(json.loads(told[2])["choices"][0]["message"]["content"])


def standin_body(text: str) -> bytes:
    return b'{"messages": [{"role": "user", "content": "%s"}]}' % text.encode()


@pytest.mark.slow
def test_a_replica_that_is_killed_starts_again_and_what_it_had_is_asked_again(cluster: str, tmp_path: Path) -> None:
    with replicas.started([wanted()]) as (addresses,):
        model = at_replicas(X, addresses)
        before, _ = texts(model, ["one", "two"], tmp_path)
        victim = pid_of(before[0])
        killer = subprocess.Popen([sys.executable, "-c", f"import os, time; time.sleep(1); os.kill({victim}, 9)"])
        found, tally = texts(model, [f"wait 2.{i}" for i in range(4)], tmp_path)
        killer.wait()
        assert [text.split(" ", 1)[1] for text in found] == [f"wait 2.{i}" for i in range(4)]
        assert tally.retries >= 1
        assert victim not in [pid_of(text) for text in found]
        until, pids = time.monotonic() + standin.SOON, set[int]()
        while len(pids) < 2 and time.monotonic() < until:  # both serve again
            pids = {
                pid_of(texts(at_replicas(X, [one]), [f"again {time.monotonic()}"], tmp_path)[0][0]) for one in addresses
            }
        assert len(pids) == 2


@pytest.mark.slow
def test_what_cannot_start_is_told_in_its_own_words_and_nothing_is_left(cluster: str) -> None:
    cannot, three = wanted("vllm/cannot", make=standin.served), wanted(count=3)
    with pytest.raises(RunError, match=r"cannot does not start: ValueError: No available"), replicas.started([cannot]):
        pass
    with pytest.raises(RunError, match=r"vllm/x: 3 replicas of 1 GPUs each are wanted"), replicas.started([three]):
        pass
    assert all_free()


@pytest.mark.slow
def test_a_run_that_fails_ends_its_engines(cluster: str, tmp_path: Path) -> None:
    written, told = tmp_path / "pid", tmp_path / "told"
    both = [wanted(f"vllm/{written}", count=1, make=standin.served), wanted(f"vllm/{told}", count=1)]
    with pytest.raises(KeyboardInterrupt), replicas.started(both):
        raise KeyboardInterrupt
    assert standin.gone(int(written.read_text()))
    assert told.read_text() == "closed"


DRIVER = """
import sys, time
from functools import partial
import ray
from prefgen.engines import replicas
from prefgen.llm.request import Model
from tests import standin
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
model = Model("vllm/" + sys.argv[2])
with replicas.started([replicas.Wanted(model.use, partial(standin.served, model), 2, 1)]):
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_a_driver_that_is_killed_leaves_no_engine(cluster: str, tmp_path: Path) -> None:
    written = tmp_path / "pid"
    command = [sys.executable, "-c", DRIVER, cluster, str(written)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as driver:
        assert driver.stdout
        assert driver.stdout.readline() == "ready\n"
        driver.send_signal(signal.SIGKILL)
    assert standin.gone(int(written.read_text()))
    assert all_free()


def recipe(**model: Any) -> Recipe:
    """Two models that differ in their sampling."""
    models = {"cold": {**model, "temperature": 0.0}, "warm": {**model, "temperature": 1.0}}
    steps = {
        "prompts": do("load", [{"prompt": f"Name a thing that is {how}."} for how in ("red", "round", "cold")]),
        "first": do("answer", "prompts", model="cold"),
        "second": do("answer", "prompts", model="warm"),
    }
    return Recipe(name="r", models=models, steps=steps, write={"responses": "second"})


def plan_of(**model: Any) -> Plan:
    return planning.make(recipe(**model), writers=dataset.CONFIGS)


@pytest.mark.slow
def test_what_replicas_replied_is_known_where_servers_are_named(cluster: str, tmp_path: Path) -> None:
    plan = plan_of(use="vllm/x", engine={"max_model_len": 512})
    with placed.started([plan, plan], engine=standin.StandIn) as addresses:
        assert [len(own) for own in addresses.values()] == [2]
        assert made(placed.placed(plan, addresses), tmp_path, "replicas") == 6
    assert made(plan_of(use="vllm/x", base_urls=["http://127.0.0.1:9/v1"]), tmp_path, "servers") == 0
    assert files(tmp_path / "replicas") == files(tmp_path / "servers")


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.skipif(weights.find("smollm2-135m") is None, reason="no weights: prefgen models pull")
def test_the_real_model_in_two_replicas_writes_what_one_process_does(cluster: str, tmp_path: Path) -> None:
    small = {"use": "local/smollm2-135m", "max_tokens": 8, "engine": {"replicas": 2, "threads": 1}}
    plan = plan_of(**small)
    with placed.started([plan]) as addresses:
        assert [len(own) for own in addresses.values()] == [2]
        assert made(placed.placed(plan, addresses), tmp_path, "two") == 6
    assert made(plan_of(**small), tmp_path, "one") == 0
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert "second.parquet" in files(tmp_path / "one")


def made(plan: Plan, folder: Path, name: str) -> int:
    """Makes the tables; how many requests were sent."""
    journal = Journal(folder / "journal.sqlite")

    async def go() -> int:
        client = Client(journal, ask=replicas.ask)
        try:
            counts = await make_tables(plan, client, folder / name)
            return sum(count.tally.calls for count in counts.values())
        finally:
            await client.close()

    try:
        return asyncio.run(go())
    finally:
        journal.close()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
