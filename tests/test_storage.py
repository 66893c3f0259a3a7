"""Storages: what is put is there whole or not at all, for everybody at once, whatever goes wrong on the way."""

import asyncio
import errno
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from prefgen.errors import RunError
from prefgen.storage import Storage
from tests.s3 import FAULTS, LASTING, S3, Fault, s3_fixture

__all__ = ["s3_fixture"]

ROOT = Path(__file__).parent.parent


def at(url: str | Path, patience: float = 20.0) -> Storage:
    """One that waits between no tries."""
    return Storage(url, patience=patience, sleep=lambda _: None)


@pytest.fixture(params=["a folder", "file://", "s3", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        return str(request.getfixturevalue("s3").url())
    if request.param == "memory":
        return f"memory://{tmp_path.name}/run"
    return f"file://{tmp_path}/deep/run" if request.param == "file://" else str(tmp_path / "deep" / "run")


def test_what_is_put_is_there_for_all_at_once(url: str) -> None:
    driver, worker = at(url), at(url)
    assert (driver.names(), driver.get("a/b.zip"), driver.has("a/b.zip")) == ([], None, False)
    worker.put("a/b.zip", b"one")
    assert (driver.names(), driver.get("a/b.zip"), driver.has("a/b.zip")) == (["a/b.zip"], b"one", True)
    worker.put("a/b.zip", b"another")
    assert driver.get("a/b.zip") == b"one", "a name that is there stays"
    worker.put("a/c/d-0.seg", b"")
    worker.put("ab/c", bytes(range(256)) * 5000)
    assert driver.names() == ["a/b.zip", "a/c/d-0.seg", "ab/c"]
    assert (driver.names("a"), driver.names("a/b.zip"), driver.names("b")) == (["a/b.zip", "a/c/d-0.seg"], [], [])
    assert (driver.get("a"), driver.has("a"), driver.get("a/c/d-0.seg")) == (None, False, b"")
    assert driver.get("ab/c") == bytes(range(256)) * 5000
    driver.remove(["a/c/d-0.seg", "ab/c", "nothing/here"])
    assert (worker.names(), worker.get("ab/c")) == (["a/b.zip"], None)


def test_a_path_is_told_from_an_address(tmp_path: Path, s3: S3) -> None:
    for path in (tmp_path / "x", str(tmp_path / "x"), f"file://{tmp_path}/x"):
        assert (Storage(path).url, Storage(path).shared) == (str(tmp_path / "x"), False)
    assert Storage("x").url == str(Path.cwd() / "x")
    assert Storage("memory://me:word@m/x").shown == "memory://…@m/x"
    assert (Storage("memory://m/x/").url, Storage("s3://b/x").shared) == ("memory://m/x", True)
    assert pickle.loads(pickle.dumps(Storage("memory://m/x"))).url == "memory://m/x"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "nowhere://bucket/run",
            "nowhere://bucket/run: Protocol not known: nowhere; name a folder, or a bucket such as",
        ),
        ("sftp://me:word@host/run", r"sftp://…@host/run: a package for it is missing \(.*paramiko.*\); install it"),
        ("simplecache::s3://bucket/run", "one storage behind another is none; name the last one alone"),
    ],
)
def test_what_no_storage_is_says_so(url: str, words: str) -> None:
    with pytest.raises(RunError, match=words) as told:
        Storage(url)
    assert "word" not in str(told.value).split(" ", maxsplit=1)[0]


def test_without_its_package_s3_says_which_is_missing() -> None:
    code = "import sys; sys.modules['s3fs'] = None\nfrom prefgen.storage import Storage\ntry: Storage('s3://b/run')\nexcept Exception as e: print(type(e).__name__, e)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.startswith("RunError s3://b/run: a package for it is missing")
    assert done.stdout.endswith("pip install 'prefgen[s3]'\n")


@pytest.mark.parametrize("name", ["../x", "a/../b", "/x", "a//b", ".x", "a/.x.1.partial", "a\\b", "c:x", "a\nb", ""])
def test_names_lead_nowhere_else(name: str, tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    with pytest.raises(RunError, match="is no name of a file in a storage"):
        storage.put(name, b"x")
    with pytest.raises(RunError, match="is no name of a file in a storage"):
        storage.remove([name])
    with pytest.raises(RunError, match="is no name of a file in a storage"):
        storage.get(name)
    (tmp_path / ".a.1.partial").touch()
    (tmp_path / "own words.txt").touch()
    assert storage.names() == [], "what is half written, and what is another's, is not told of"


# --- S3, with faults ------------------------------------------------------------------------

CONTENT = b"some content " * 1000
WAYS: dict[str, tuple[Callable[[Storage], Any], Any]] = {
    "put": (lambda s: s.put("new/one", CONTENT), None),
    "put again": (lambda s: s.put("a/one", CONTENT), None),
    "get": (lambda s: s.get("a/one"), CONTENT),
    "get nothing": (lambda s: s.get("a/none"), None),
    "has": (lambda s: s.has("a/one"), True),
    "has nothing": (lambda s: s.has("a/none"), False),
    "names": (lambda s: s.names("a"), ["a/one", "a/two"]),
    "names of nothing": (lambda s: s.names("none"), []),
    "remove": (lambda s: s.remove(["a/two", "a/three"]), None),
}
PARTED: tuple[Fault, ...] = ("503", "done", "cut")
AFTER = {"put": ["a/one", "a/two", "new/one"], "remove": ["a/one"]}


def filled(s3: S3, patience: float = 20.0) -> Storage:
    """A storage where two files are."""
    s3.plan = lambda number, method, path: ""
    storage = at(s3.url(), patience)
    for name in ("a/one", "a/two"):
        storage.put(name, CONTENT)
    return storage


def passes(storage: Storage, way: str) -> None:
    """Does one thing, and looks what is there then, and puts all of it as it was."""
    do, wanted = WAYS[way]
    assert do(storage) == wanted
    if way in AFTER:
        assert storage.names() == AFTER[way]
        assert (storage.get("a/one"), storage.get("new/one")) == (CONTENT, CONTENT if way == "put" else None)
        storage.put("a/two", CONTENT)
        storage.remove(["new/one"])


def test_every_fault_at_every_request_passes(s3: S3) -> None:
    """Each in a bucket of its own, all at once."""
    storages = [filled(s3) for _ in FAULTS]
    played = {storage.url.split("/")[2]: fault for storage, fault in zip(storages, FAULTS, strict=True)}
    for way in WAYS:
        s3.requests.clear()
        WAYS[way][0](storages[0])
        needed = len(s3.requests)
        storages[0].put("a/two", CONTENT)
        storages[0].remove(["new/one"])
        for number in range(needed):
            s3.fails(number, played)
            with ThreadPoolExecutor(len(FAULTS)) as threads:
                list(threads.map(partial(passes, way=way), storages))
            assert set(s3.played) == set(FAULTS), (way, number)


@pytest.mark.parametrize("fault", ["500", "503", "html", "reset", "cut"])
def test_a_fault_that_stays_ends_in_words(fault: Fault, s3: S3) -> None:
    storage = filled(s3)
    storage.patience = 0.0
    s3.plan = lambda number, method, path: fault
    for do, _ in WAYS.values():
        s3.requests.clear()
        with pytest.raises(RunError) as told:
            do(storage)
        assert len(s3.requests) <= 4, "nobody but us tries again, and HTTP once where a connection broke"
        words = str(told.value)
        assert words.startswith(storage.url), words
        assert "the storage does not answer as it should" in words
        assert "trying again for 0 s did not help; when it can be reached, run the same command again" in words
        assert "a-secret-of-the-tests" not in words


def test_answers_that_do_not_come_are_not_waited_for(s3: S3) -> None:
    """Nor by anybody else's: all ways at once, each of whose requests gets no answer at first."""
    storage, asked = filled(s3), Counter[tuple[str, str]]()

    def plan(number: int, method: str, path: str) -> Fault:
        asked[method, path] += 1
        return "stall" if asked[method, path] == 1 else ""

    s3.plan = plan
    with ThreadPoolExecutor(len(WAYS)) as threads:
        done = dict(zip(WAYS, threads.map(lambda way: way[0](storage), WAYS.values()), strict=True))
    assert s3.played.count("stall") >= len(WAYS)
    assert set(done.pop("names")) - {"new/one"} <= {"a/one", "a/two"}, "some are removed meanwhile"
    assert done == {way: wanted for way, (_, wanted) in WAYS.items() if way != "names"}


def test_a_storage_that_never_answers_ends_in_words(s3: S3) -> None:
    storage = filled(s3, patience=0.1)
    s3.plan = lambda number, method, path: "stall"
    with pytest.raises(RunError, match=r"does not answer as it should .*[Tt]imeout"):
        storage.get("a/one")
    storage._place.deadline = 0.2  # type: ignore[union-attr]
    s3.plan = lambda number, method, path: "no word"
    with pytest.raises(RunError, match=r"does not answer as it should .*Timeout"):
        storage.put("a/new", CONTENT)


def test_a_storage_that_is_not_there_ends_in_words() -> None:
    with S3() as s3:
        gone = filled(s3, patience=0.1)
        gone.names()
    with pytest.raises(RunError, match=r"s3://.*/run/a/one: the storage does not answer .* connect .*127\.0\.0\.1"):
        gone.get("a/one")


@pytest.mark.parametrize("fault", LASTING)
def test_what_does_not_pass_ends_at_once(fault: Fault, s3: S3) -> None:
    cure = {
        "denied": r"access is denied \(\w+: .*\); give credentials that may read, write, list and remove there$",
        "no bucket": r"no such bucket \(NoSuchBucket: The specified bucket does not exist\); make it, or name another$",
    }
    storage = filled(s3)
    for do, _ in WAYS.values():
        s3.requests, s3.plan = [], lambda number, method, path: fault
        with pytest.raises(RunError, match=cure[fault]):
            do(storage)
        assert len(s3.requests) <= 3


def test_large_files_go_in_parts_and_are_there_whole_or_not_at_all(s3: S3) -> None:
    storage, content = filled(s3), os.urandom(250_000)
    storage._place.part = 100_000  # type: ignore[union-attr]
    for number in range(5):
        for fault in PARTED:
            s3.fails(number, fault, times=1)
            storage.put("large", content)
            assert s3.played == [fault]
            s3.plan = lambda number, method, path: ""
            assert storage.get("large") == content
            storage.remove(["large"])
    storage.patience = 0.0
    s3.plan = lambda number, method, path: "503" if "partNumber=2" in path else ""
    with pytest.raises(RunError, match="SlowDown"):
        storage.put("large", content)
    assert (storage.names(), storage.get("large")) == (["a/one", "a/two"], None)


def test_other_servers_than_amazon_s_know_other_conditions(s3: S3) -> None:
    storage = filled(s3)
    s3.fails(0, "there", times=1)
    storage.put("a/one", b"another")
    s3.fails(0, "unknown", times=1)
    storage.put("b", b"one")
    assert (len(s3.requests), storage.get("a/one"), storage.get("b")) == (2, CONTENT, b"one")


def test_more_names_than_one_answer_holds(s3: S3) -> None:
    storage = at(s3.url())
    names = [f"r/{n}" for n in range(7)]
    for name in names:
        storage.put(name, b"")
    for number in range(4):
        s3.fails(number, "503")
        s3.page = 2
        assert storage.names("r") == names
        assert len(s3.requests) >= 6, "four pages, one of which was refused twice"


def test_without_credentials_it_says_which_to_give(s3: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = s3.url()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(
        RunError, match=r"no credentials are here \(NoCredentialsError: .*\); set AWS_ACCESS_KEY_ID and"
    ):
        at(url).names()


def test_it_may_be_used_within_a_loop_by_many_threads_and_after_a_fork(s3: S3) -> None:
    storage = at(s3.url())

    async def many() -> None:
        storage.put("blocking", b"x")
        await asyncio.gather(*(asyncio.to_thread(storage.put, f"{n}", b"%d" % n) for n in range(20)))
        found = await asyncio.gather(*(asyncio.to_thread(storage.get, f"{n}") for n in range(20)))
        assert found == [b"%d" % n for n in range(20)]

    asyncio.run(many())
    code = f"""
import os
from prefgen.storage import Storage
storage = Storage({storage.url!r})
storage.put("parent", b"p")
if (child := os.fork()) == 0:
    storage.put("child", storage.get("parent") + b"c")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert storage.get("child") == b"pc"
"""
    words = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]  # it forks beside threads
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


# --- folders --------------------------------------------------------------------------------

PUTS = """
import sys
from prefgen.storage import Storage
storage = Storage(sys.argv[1])
print("begun", flush=True)
for n in range(100000):
    storage.put(f"a/{n}", bytes([n % 256]) * 300_000)
"""


def test_a_process_that_is_killed_leaves_no_file_half_written(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for wait in (0.02, 0.05, 0.11):
        folder = tmp_path / f"{wait}"
        child = subprocess.Popen([sys.executable, "-c", PUTS, str(folder)], stdout=subprocess.PIPE, env=environment)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(wait)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        storage = Storage(folder)
        for name in storage.names():
            number = int(name.removeprefix("a/"))
            assert storage.get(name) == bytes([number % 256]) * 300_000
        (folder / "a").mkdir(parents=True, exist_ok=True)
        (folder / "a" / ".0.0123.partial").touch()
        storage.remove([f"a/{n}" for n in range(len(storage.names()) + 1)])
        assert (storage.names(), list(folder.rglob("*"))) == ([], []), "nor what it left half written"


def test_two_that_put_the_same_are_no_trouble_to_each_other(tmp_path: Path) -> None:
    storage, content = Storage(tmp_path), b"x" * 100_000
    stop = threading.Event()
    seen: set[bytes | None] = set()

    def look() -> None:
        while not stop.is_set():
            seen.add(storage.get("a/b"))

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(20):
        both = [threading.Thread(target=storage.put, args=("a/b", content)) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        storage.remove(["a/b"])
    stop.set()
    reader.join()
    assert seen <= {None, content}


def test_a_full_disk_leaves_no_name_and_says_what_would_do(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        words = rf"{tmp_path}/run/a/large: .*; make room and run the same command again: every reply received is kept"
        with pytest.raises(RunError, match=words):
            Storage(tmp_path / "run").put("a/large", b"x" * 20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert Storage(tmp_path / "run").names() == []
    assert [path.name for path in (tmp_path / "run").rglob("*")] == ["a"]


def test_a_folder_that_is_none_or_closed_says_what_would_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=rf"{tmp_path}/file/a: the storage does not do what is asked"):
        Storage(tmp_path / "file").put("a", b"x")
    assert (Storage(tmp_path / "file").get("a"), Storage(tmp_path / "file").names()) == (None, [])
    if os.getuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(RunError, match="make its folder writable and run the same command again"):
            Storage(tmp_path / "closed").put("a", b"x")
    assert errno.EDQUOT
