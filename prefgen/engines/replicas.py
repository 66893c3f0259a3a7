"""Engines on a Ray cluster: so many replicas of each, where their GPUs are; asked by name, ended with the run.

A replica is one actor with an engine in it. Ray starts it again where its process has ended, and ends it when the
driver's process has. Actors take GPUs and no CPUs: those are the workers'.
"""

import asyncio
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from prefgen.engines.ray import last_line
from prefgen.errors import RunError, TryAgain

SCHEME = "replica://"
RESTARTS = 5
"""Times that a replica is started again."""
AT_ONCE = 10_000
"""Calls that a replica takes; how many it works on is its engine's business."""
TOLD_EVERY, ENDS = 30.0, 30.0
"""Seconds between two words about what is waited for, and that replicas have to end in."""
GRACE = 5.0
"""Seconds after its deadline at which an answer of a replica is not waited for any more."""
GONE = 8
"""Tries that a request is worth whose replica went: another process is up within seconds."""

Told = tuple[int, Mapping[str, str], bytes]
Say = Callable[[str], None]


class Engine(Protocol):
    """What a replica holds (``prefgen.llm.engines``)."""

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""

    async def start(self) -> None:
        """Loads; raises RunError."""

    async def ask(self, body: bytes, seconds: float) -> Told:
        """One exchange."""

    async def close(self) -> None:
        """Ends."""


@dataclass(frozen=True)
class Wanted:
    """Replicas that are wanted: of what, in words, how each is made, its GPUs, and how many; None for as many as there
    are GPUs for.
    """

    use: str
    make: Callable[[], Engine]
    gpus: int = 1
    replicas: int | None = None


# --- where they go ------------------------------------------------------------------------


def shares(nodes: Sequence[int], wanted: Sequence[Wanted]) -> list[list[int]]:
    """The node of each replica, by its place in ``nodes`` (the GPUs of each), for each of ``wanted``. A replica's GPUs
    are one node's. Raises RunError where they do not suffice.
    """
    free, found = list(nodes), [list[int]() for _ in wanted]
    stated = sorted(range(len(wanted)), key=lambda i: (wanted[i].replicas is None, -wanted[i].gpus))
    for i in stated:
        if not wanted[i].gpus:
            found[i] = [n % len(nodes) for n in range(wanted[i].replicas or 1)]
            continue
        found[i] = [
            at for at in (_take(free, wanted[i].gpus) for _ in range(wanted[i].replicas or 1)) if at is not None
        ]
        if len(found[i]) < (wanted[i].replicas or 1):
            raise RunError(_too_few(nodes, wanted, wanted[i]))
    growing = [i for i in stated if wanted[i].replicas is None and wanted[i].gpus]
    while growing:  # by turns, so that models without a number get as many
        taken = {i: _take(free, wanted[i].gpus) for i in growing}
        found = [[*have, at] if (at := taken.get(i)) is not None else have for i, have in enumerate(found)]
        growing = [i for i in growing if taken[i] is not None]
    return found


def _take(free: list[int], gpus: int) -> int | None:
    """Takes them from the node with the fewest GPUs that suffice; None where none has so many."""
    fitting = [i for i, left in enumerate(free) if left >= gpus]
    if not fitting:
        return None
    best = min(fitting, key=lambda i: free[i])
    free[best] -= gpus
    return best


def _too_few(nodes: Sequence[int], wanted: Sequence[Wanted], one: Wanted) -> str:
    others = f", beside those of {', '.join(w.use for w in wanted if w is not one)}" if len(wanted) > 1 else ""
    asked = f"{one.use}: {one.replicas or 1} replicas of {one.gpus} GPUs each are wanted{others}"
    if not any(nodes):
        cure = "start nodes with GPUs, or name servers in base_urls"
        return f"{asked}, and the Ray cluster has no GPU; {cure}"
    there = f"{sum(nodes)} GPUs on {sum(gpus > 0 for gpus in nodes)} nodes (a replica's are one node's)"
    return f"{asked}, and the Ray cluster has {there}; say engine: {{replicas: …}}, or start more nodes"


# --- their life -----------------------------------------------------------------------------


class Replica:
    """The actor: one engine, loaded when it is first wanted."""

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._make, self._lock = make, asyncio.Lock()
        self._engine: Engine | None = None

    async def start(self) -> str:
        """Loads the engine. Gives the reason where it cannot; an error would be shown with its traceback."""
        try:
            await self._loaded()
        except RunError as e:
            return str(e)
        return ""

    async def _loaded(self) -> Engine:
        async with self._lock:
            if self._engine is None:
                engine = self._make()
                try:
                    await engine.start()
                except RunError:
                    await engine.close()
                    raise
                self._engine = engine
        return self._engine

    async def ask(self, body: bytes, seconds: float) -> Told:
        """One exchange. Where the engine has died, this process ends, and Ray starts another one."""
        try:
            engine = await self._loaded()
        except RunError as e:
            return 503, {}, json.dumps({"error": {"message": str(e), "code": 503}}).encode()
        told = await engine.ask(body, seconds) if engine.alive else None
        if told is None or not engine.alive:
            await engine.close()
            os._exit(1)
        return told

    async def about(self) -> int:
        """The number of its process."""
        return os.getpid()

    async def end(self) -> None:
        """Lets go of the engine."""
        if self._engine:
            await self._engine.close()


@contextmanager
def started(wanted: Sequence[Wanted], say: Say = lambda _: None) -> Iterator[list[list[str]]]:
    """The addresses of the replicas of each of ``wanted``, all of them ready; they are ended with the block. Ray is
    started already. Raises RunError where one cannot be placed, or does not start.
    """
    import ray

    nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    found = shares([int(node["Resources"].get("GPU", 0)) for node in nodes], wanted)
    actors: list[Any] = []
    names: list[list[str]] = []
    token = secrets.token_hex(3)
    try:
        for one, places in zip(wanted, found, strict=True):
            own = [f"prefgen-{token}-{len(actors) + n}" for n in range(len(places))]
            on = f"{one.gpus} GPUs" if one.gpus else "no GPU"
            say(f"{one.use}: starting {len(own)} replicas of {on}; loading may take minutes")
            actors += [_actor(one, name, nodes[at]["NodeID"]) for name, at in zip(own, places, strict=True)]
            names.append([SCHEME + name for name in own])
        _wait(actors, [one.use for one, places in zip(wanted, found, strict=True) for _ in places], say)
        yield names
    finally:
        _end(actors)


def _actor(one: Wanted, name: str, node: str) -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    where = NodeAffinitySchedulingStrategy(node, soft=True)
    made = ray.remote(Replica).options(
        name=name,
        num_cpus=0,
        num_gpus=one.gpus,
        max_restarts=RESTARTS,
        max_concurrency=AT_ONCE,
        scheduling_strategy=where,
    )
    return made.remote(one.make)


def _wait(actors: Sequence[Any], uses: Sequence[str], say: Say) -> None:
    """Waits until all are ready, and says now and then how many are. Raises RunError for the first that is not."""
    import ray

    waiting = {actor.start.remote(): use for actor, use in zip(actors, uses, strict=True)}
    while waiting:
        done, _ = ray.wait([*waiting], timeout=TOLD_EVERY)
        for one in done:
            use = waiting.pop(one)
            try:
                why = ray.get(one)
            except ray.exceptions.RayError as e:
                why = f"{use}: a replica ended while it started: {last_line(e)}"
            if why:
                raise RunError(why)
        if waiting and not done:
            say(f"waiting for {len(waiting)} of {len(actors)} replicas: {', '.join(sorted(set(waiting.values())))}")


def _end(actors: Sequence[Any]) -> None:
    """Lets engines end by themselves, and then their processes."""
    import ray

    ray.wait([actor.end.remote() for actor in actors], num_returns=len(actors), timeout=ENDS) if actors else None
    for actor in actors:
        ray.kill(actor)


# --- asking ---------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _known(name: str) -> Any:
    import ray

    return ray.get_actor(name)


async def ask(address: str, body: bytes, seconds: float) -> Told:
    """What the replica at an address answers (``prefgen.llm.replica.Ask``). Raises TryAgain where it is gone, or takes
    too long.
    """
    import ray

    name = address.removeprefix(SCHEME)
    try:
        async with asyncio.timeout(seconds + GRACE):
            told: Told = await (await asyncio.to_thread(_known, name)).ask.remote(body, seconds)
    except TimeoutError as e:
        raise TryAgain("timeout", f"{name}: no answer within {seconds:g} s", attempts=2, billed=True) from e
    except ValueError as e:
        raise TryAgain("no_connection", f"{name}: no such replica any more", attempts=4) from e
    except ray.exceptions.ActorDiedError as e:
        raise TryAgain("no_connection", f"{name}: the replica is gone ({last_line(e)})", attempts=4) from e
    except ray.exceptions.RayActorError as e:
        raise TryAgain(
            "connection_lost", f"{name}: the replica is starting again ({last_line(e)})", attempts=GONE
        ) from e
    except ray.exceptions.RayError as e:
        raise TryAgain("server_error", f"{name}: {last_line(e)}", attempts=6) from e
    return told
