"""Work on Ray's workers: functions as its tasks, and objects that all workers share as its named actors. Nothing that
Ray does is done here: it places work, moves values, and runs a task again when its worker is gone.

``ray`` is imported when a cluster is entered, and not before.
"""

import asyncio
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prefgen.errors import RunError

LIVES = 4
"""Workers that may be lost over one piece of work: it may be the work that kills them, by its memory for one."""
CALM = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",
    "RAY_task_oom_retries": "3",
}
"""What a cluster of one's own begins with: it tells nobody of itself, works as any other process does (Ray would have
its workers stand behind all else), and gives up work that fills the memory each time.
"""
PATIENCE = 10.0
"""Seconds for which a cluster is knocked at."""
AHEAD = 2
"""Pieces of work that are asked for, as a multiple of workers: so that none waits for whoever hands them out."""
Ask = Callable[..., Awaitable[Any]]
"""Calls a method of a shared object: ``await ask("method", *args)``."""


@dataclass(frozen=True)
class Ray:
    """``--engine ray``. ``address`` is that of a cluster that runs ("auto" for the one of this machine); without one, a
    cluster begins here, on this machine's cores, and ends with the run. ``workers`` are pieces of work that are under
    way at once, as many as the cluster has cores where nothing is said. ``storage`` is a path that all nodes see.
    """

    address: str | None = None
    workers: int | None = None
    storage: str | Path | None = None

    @property
    def where(self) -> str | None:
        """The address of the cluster that is meant; None where one is to begin here."""
        return self.address or os.environ.get("RAY_ADDRESS")


@dataclass
class Cluster:
    """A cluster, while it is entered: the one that this process is in, where it is in one, which stays then. Raises
    RunError for one that is not to be had.
    """

    of: Ray
    ray: Any = None
    workers: int = 0
    nodes: int = 1
    cores: int = 1
    own: bool = True

    def __enter__(self) -> Self:
        self.ray = imported(tokens=_tokens(self.of), token=None if self.of.where else secrets.token_hex(32))
        self.own = not self.ray.is_initialized()
        if self.own:
            _begin(self.ray, self.of)
        try:
            self.cores = int(self.ray.cluster_resources().get("CPU", 1)) or 1
            self.nodes = sum(bool(node["Alive"]) for node in self.ray.nodes())
            self.limit(self.of.workers or self.cores)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.own:
            self.ray.shutdown()

    def limit(self, workers: int) -> None:
        """Lets so many pieces of work be under way at once, and a few be there for who is done."""
        self.workers = workers
        self._turns = asyncio.Semaphore(workers if workers < self.cores else workers * AHEAD)

    def put(self, value: Any) -> Any:
        """A value for all workers, which moves once to each node."""
        return self.ray.put(value)

    def shared(self, kind: type, *args: Any, here: bool = False) -> Any:
        """An object that all workers share, for ``asking``; ``here`` is on this node. It ends with the cluster."""
        options: dict[str, Any] = {"num_cpus": 0, "max_concurrency": 1}
        if here:
            from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

            node = self.ray.get_runtime_context().get_node_id()
            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node, soft=False)
        return self.ray.remote(kind).options(**options).remote(*args)

    async def run(self, work: Callable[..., Any], *args: Any, what: str) -> Any:
        """What a function gives on some worker; where that worker is lost, on another. Raises RunError where several
        are.
        """
        errors, share = self.ray.exceptions, min(1.0, self.cores / self.workers)
        task = self.ray.remote(work).options(num_cpus=share, max_retries=LIVES - 1)
        try:
            async with self._turns:  # where there are fewer workers than cores; else there is one for each task
                return await task.remote(*args)
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.ObjectLostError, errors.OutOfMemoryError) as e:
            cure = "give workers more memory, or run fewer with --workers; what was received is kept"
            raise RunError(f"{what}: {LIVES} workers were lost over it ({_first(e)}); {cure}") from e
        except errors.RayTaskError as e:
            raise RunError(f"{what}: failed on a worker: {last_line(e)}; what was received is kept") from e
        except errors.RayError as e:
            raise RunError(
                f"{what}: the cluster failed ({type(e).__name__}: {_first(e)}); is it up? Then {AGAIN}"
            ) from e


AGAIN = "run the same command again: what was received is kept"


def asking(shared: Any) -> Ask:
    """Calls of a shared object's methods, from wherever it was handed to."""

    async def ask(method: str, *args: Any) -> Any:
        return await getattr(shared, method).remote(*args)

    return ask


@dataclass(frozen=True)
class Now:
    """A shared object's method, called where nothing can be awaited: waits for what it gives."""

    shared: Any
    method: str

    def __call__(self, *args: Any) -> Any:
        """Calls it."""
        return imported().get(getattr(self.shared, self.method).remote(*args))


def imported(*, tokens: bool = False, token: str | None = None) -> Any:
    """Ray, which reads when it is imported whether it shows ``tokens``, and which one; who imported it before has its
    own way. Raises RunError where it is not installed.
    """
    shown = {"RAY_AUTH_MODE": "token", **({"RAY_AUTH_TOKEN": token} if token else {})}
    for name, value in [*CALM.items(), *(shown.items() if tokens and "ray" not in sys.modules else [])]:
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as e:
        raise RunError("ray is not installed; pip install 'prefgen[ray]'") from e
    return ray


def _tokens(of: Ray) -> bool:
    """Whether a token is to be shown: to a cluster of one's own, and to another where there is one, as `ray start` asks
    for it then.
    """
    told = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    return not of.where or bool(told) or (Path.home() / ".ray" / "auth_token").exists()


def _begin(ray: Any, of: Ray) -> None:
    how: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
    address = of.where
    if address is None:
        cores = max(of.workers or 1, _cores())
        how |= {"address": "local", "num_cpus": cores, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    else:
        _reached(address)
        how["address"] = address
    try:
        with _own_signals(), nullcontext() if address else _alone():
            ray.init(**how)
    except ray.exceptions.AuthenticationError as e:
        cure = "give this machine the token of its first node (`ray get-auth-token` there), as RAY_AUTH_TOKEN"
        raise RunError(f"ray: {address or 'a cluster on this machine'} lets nobody in without its token; {cure}") from e
    except (ConnectionError, RuntimeError, ValueError, OSError) as e:
        cure = "is the address right, and the cluster up (`ray status`)?" if address else "is there room in /dev/shm?"
        raise RunError(f"ray: {address or 'a cluster on this machine'} cannot be had ({_first(e)}); {cure}") from e


@contextmanager
def _alone() -> Iterator[None]:
    """What begins here listens on this machine alone: Ray takes 127.0.0.1 for this machine's name in the network, and
    for itself only where no cluster can be, which is so on macOS and Windows.
    """
    from ray._private import ray_constants as constants

    name = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
    was, there = constants.ENABLE_RAY_CLUSTER, os.environ.get(name)
    constants.ENABLE_RAY_CLUSTER, os.environ[name] = False, "0"
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = was
        os.environ.pop(name) if there is None else os.environ.update({name: there})


@contextmanager
def _own_signals() -> Iterator[None]:
    """Takes back what a signal does: Ray would end this process at once, with what is in flight."""
    kept = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if kept is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, kept)


def _reached(address: str) -> None:
    """Raises RunError where nobody answers at an address: Ray itself would try for minutes; and for one of Ray's
    clients, of which the cluster does not see the journal.
    """
    if address.startswith("ray://"):
        cure = "run on one of the cluster's machines, with --address auto or HOST:PORT"
        raise RunError(f"ray: {address} is for clients, which are no part of a cluster; {cure}")
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()):
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except OSError as e:
        cure = "is the address right, and the cluster up (`ray status` there)?"
        raise RunError(f"ray: nobody answers at {address} ({e.strerror or e}); {cure}") from e


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _first(error: BaseException) -> str:
    """The first line of an error of Ray's: what came to pass."""
    return str(error).strip().partition("\n")[0][:200]


def last_line(error: BaseException) -> str:
    """The last one, which says of a task's or an actor's error what it was."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[-1][:300]
