"""A Hub on loopback, which the real `huggingface_hub` and `datasets` speak to: real sockets, commits, LFS, and faults on demand.

    with Hub() as hub:
        said = hub.did([Job(["push", "runs/mine", "me/mine"])], tmp_path)   # in a child: clients read their settings at import
        assert hub.repos["me/mine"].files()["README.md"]

Datasets alone. It keeps what the clients rely on: X-Repo-Commit and ETag on resolve, X-Error-Code on errors, blob ids in
preupload, `parentCommit` against the head (412). What it cannot show: Xet, quotas, the viewer, the whole of the YAML's rules.
"""

import base64
import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub_card import problems

DATE = "2026-11-25T12:00:00.000Z"
LFS_FROM = 1_000_000
"""Bytes beyond which a file goes to LFS whatever its name."""


@dataclass(frozen=True)
class Blob:
    """A file's content, as git or as LFS keeps it."""

    content: bytes
    lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def oid(self) -> str:
        """The git blob id, of the pointer where the file is in LFS."""
        size = len(self.content)
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {size}\n".encode()
        return blob_id(pointer if self.lfs else self.content)

    def told(self, path: str) -> dict[str, Any]:
        """As the tree tells it."""
        lfs = {"oid": self.sha256, "size": len(self.content), "pointerSize": 134}
        return {"type": "file", "path": path, "size": len(self.content), "oid": self.oid} | (
            {"lfs": lfs} if self.lfs else {}
        )


def blob_id(content: bytes) -> str:
    """What git calls a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


Files = Mapping[str, Blob]

ROOT = Path(__file__).parent.parent
CHILD = """
import contextlib, io, json, os, sys, traceback, urllib.request
from pathlib import Path
from prefgen.cli import main
from prefgen.errors import PrefgenError
from prefgen.hub import Target, push

def at_once(run, repo, **how):  # no wait between tries
    try:
        done = push(Path(run), Target(repo, **how), say=lambda words: print(words, file=sys.stderr), sleep=lambda _: None)
    except PrefgenError as e:
        print(f"error: {e}", file=sys.stderr)
        raise SystemExit(type(e).__name__) from None
    print(done.url, done.made)

shown = []
for job in json.load(sys.stdin):
    asked = urllib.request.Request(os.environ["HF_ENDPOINT"] + "/_faults", json.dumps(job["faults"]).encode(), method="POST")
    urllib.request.urlopen(asked).read()
    os.environ.update(job["env"])
    sys.argv = ["prefgen", *job["words"]]
    out, told, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
        try:
            at_once(*job["words"][1:], **job["how"]) if job["words"][0] == "at once" else main()
        except SystemExit as e:
            code = e.code
        except BaseException:
            traceback.print_exc()
            code = "traceback"
    shown.append((code, out.getvalue(), told.getvalue()))
json.dump(shown, sys.stdout)
"""


@dataclass(frozen=True)
class Job:
    """A command of prefgen's, or ``("at once", run, repo)`` for a push that waits between no tries, with what goes wrong on
    the Hub, and what is changed in the environment from then on."""

    words: Sequence[str]
    faults: "Sequence[Fault]" = ()
    env: Mapping[str, str] = field(default_factory=dict)
    how: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """A command's exit code ("traceback" for a fault that nobody foresaw), and what it said on stdout and stderr."""

    code: int | str
    out: str
    told: str

    @property
    def last(self) -> str:
        """Its last line on stderr."""
        return (self.told.splitlines() or [""])[-1]


@dataclass(frozen=True)
class Commit:
    """All files as they are after it."""

    oid: str
    parent: str
    title: str
    files: Files


@dataclass
class Repo:
    """A dataset: its commits, what its branches, tags and pull requests point to, and its LFS store."""

    name: str
    private: bool = False
    gated: Any = False
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    lfs: dict[str, bytes] = field(default_factory=dict)
    prs: dict[int, str] = field(default_factory=dict)

    def commit(self, ref: str, files: Files, title: str) -> str:
        """A new commit on a ref."""
        parent = self.refs.get(ref, "")
        oid = hashlib.sha1(f"{self.name} {len(self.commits)} {title}".encode()).hexdigest()
        self.commits[oid] = Commit(oid, parent, title, dict(files))
        self.refs[ref] = oid
        return oid

    def files(self, revision: str = "main") -> Files:
        """The files of a branch, tag, pull request or commit."""
        return self.commits[(self.refs | self.tags).get(revision, revision)].files

    def titles(self, revision: str = "main") -> list[str]:
        """The commits of a ref, newest first, less the one that made the repository."""
        found, at = [], self.refs[revision]
        while at:
            found.append(self.commits[at].title)
            at = self.commits[at].parent
        return found[:-1]


@dataclass
class Account:
    """Who a token is: ``role`` of the token (write, read or fineGrained), organisations with the role in each."""

    name: str
    role: str = "write"
    orgs: Mapping[str, str] = field(default_factory=dict)
    scoped: Mapping[str, list[str]] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """As whoami-v2 tells it."""
        scoped = [{"entity": {"type": "user", "name": who}, "permissions": what} for who, what in self.scoped.items()]
        fine = {"fineGrained": {"global": [], "scoped": scoped}} if self.role == "fineGrained" else {}
        token = {"displayName": "mine", "role": self.role, "createdAt": DATE, **fine}
        orgs = [{"type": "org", "name": name, "roleInOrg": role} for name, role in self.orgs.items()]
        return {"type": "user", "name": self.name, "orgs": orgs, "auth": {"type": "access_token", "accessToken": token}}

    def writes(self, owner: str) -> bool:
        """Whether this token may write what the owner has."""
        member = owner == self.name or self.orgs.get(owner) in {"admin", "write", "contributor"}
        fine = self.role != "fineGrained" or "repo.write" in self.scoped.get(owner, [])
        return member and self.role != "read" and fine


@dataclass
class Fault:
    """What goes wrong ``times`` times, at requests whose "METHOD /path" holds ``at``, a pattern, past the first ``after``.

    ``then``: a status; ``close`` hangs up before anything is done; ``lost`` does what is asked and hangs up; ``hold`` and
    ``keep`` wait, before and after, until somebody kills the client; ``other`` lets somebody else push first."""

    at: str = ""
    then: int | Literal["close", "lost", "hold", "keep", "slow", "other"] = 503
    times: int = 1
    after: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "come back later"


class HubError(Exception):
    """What is answered instead."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        self.status, self.message, self.code = status, message, code
        super().__init__(message)


@dataclass
class Asked:
    """A request."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: Mapping[str, str]
    account: Account | None

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"{}")


@dataclass
class Answer:
    """A response: JSON, or bytes as they are."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Hub:
    """One loopback Hub. ``accounts`` are by token."""

    def __init__(self, accounts: Mapping[str, Account] | None = None) -> None:
        self.accounts = dict(
            accounts or {"hf_mine_0123456789": Account("me", orgs={"ours": "write", "theirs": "read"})}
        )
        self.repos: dict[str, Repo] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.lock, self.reached, self.released = threading.RLock(), threading.Event(), threading.Event()
        self.numbers = itertools.count(1)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Handler", (_Handler,), {"hub": self}))
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def token(self) -> str:
        return next(iter(self.accounts))

    def environment(self, home: Any) -> dict[str, str]:
        """What a child process needs to speak to this Hub, and to no other."""
        quiet = ("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS")
        named = {"HF_ENDPOINT": self.url, "HF_TOKEN": self.token, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0"}
        return named | dict.fromkeys((*quiet, "HF_DATASETS_DISABLE_PROGRESS_BARS"), "1")

    def did(self, jobs: Sequence[Job], home: Path, **more: str) -> list[Said]:
        """What came of commands, one after another in one child process; starting one takes longer than a push."""
        asked = json.dumps([{**vars(job), "faults": [vars(one) for one in job.faults]} for job in jobs])
        known = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        environment = {**known, "PYTHONPATH": str(ROOT), **self.environment(home), **more}
        child = [sys.executable, "-c", CHILD]
        done = subprocess.run(
            child, input=asked, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return [Said(*one) for one in json.loads(done.stdout)]

    def made(self, name: str, files: Mapping[str, bytes] | None = None, *, private: bool = False) -> Repo:
        """A repository as the Hub makes it: with one commit, of .gitattributes."""
        repo = self.repos[name] = Repo(name, private=private)
        attributes = {".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"}
        repo.commit(
            "main", {path: Blob(c, lfs=is_lfs(path, len(c))) for path, c in attributes.items()}, "initial commit"
        )
        if files:
            whole = {path: Blob(c, lfs=is_lfs(path, len(c))) for path, c in files.items()}
            repo.commit("main", {**repo.files(), **whole}, "somebody's")
        return repo

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    # --- one request ---

    def fault(self, line: str) -> Fault | None:
        """The fault that this request meets, if any."""
        with self.lock:
            self.requests.append(line)
            for fault in self.faults:
                if fault.times and re.search(fault.at, line):
                    if fault.after:
                        fault.after -= 1
                        return None
                    fault.times -= 1
                    return fault
        return None

    def answer(self, asked: Asked) -> Answer:
        """What a request comes to; HubError where it is refused."""
        for method, pattern, does in ROUTES:
            found = re.fullmatch(pattern, asked.path)
            if found and asked.method in method.split():
                with self.lock:
                    return does(
                        self, asked, **{name: unquote(value or "") for name, value in found.groupdict().items()}
                    )
        raise HubError(404, f"no such page: {asked.path}")

    def repo(self, asked: Asked, name: str, *, write: bool = False) -> Repo:
        """A repository that the asker may see, or write."""
        repo, owner = self.repos.get(name), name.partition("/")[0]
        account = asked.account
        if repo is None or (repo.private and not (account and (account.name == owner or owner in account.orgs))):
            raise HubError(404 if account else 401, "Repository not found", "RepoNotFound")
        if write and not (account and account.writes(owner)):
            raise HubError(403, "You don't have the rights to write to this repository")
        return repo

    def at(self, repo: Repo, revision: str) -> Commit:
        """The commit that a revision names."""
        oid = (repo.refs | repo.tags).get(revision, revision)
        if oid not in repo.commits:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return repo.commits[oid]


def is_lfs(path: str, size: int) -> bool:
    """As .gitattributes and the size have it."""
    return size > 0 and (path.endswith((".parquet", ".png")) or size > LFS_FROM)


# --- accounts and repositories ---------------------------------------------------------------

Does = Callable[..., Answer]


def whoami(hub: Hub, asked: Asked) -> Answer:
    if not asked.account:
        raise HubError(401, "Invalid credentials in Authorization header")
    return Answer(asked.account.told())


def create(hub: Hub, asked: Asked) -> Answer:
    wanted, account = asked.json, asked.account
    owner = wanted.get("organization") or (account.name if account else "")
    name = f"{owner}/{wanted['name']}"
    if not account:
        raise HubError(401, "Invalid username or password.")
    if not account.writes(owner):
        raise HubError(403, f"You don't have the rights to create a dataset under the namespace {owner!r}")
    if name in hub.repos:
        return Answer({"error": "You already created this dataset repo", "url": f"{hub.url}/datasets/{name}"}, 409)
    hub.made(name, private=wanted.get("visibility") == "private")
    return Answer({"url": f"{hub.url}/datasets/{name}", "name": name, "id": name})


def validate_yaml(hub: Hub, asked: Asked) -> Answer:
    errors, warnings = problems(asked.json["content"])
    told = [{"message": what} for what in errors]
    return Answer({"errors": told, "warnings": [{"message": what} for what in warnings]}, 400 if errors else 200)


def info(hub: Hub, asked: Asked, name: str, rev: str = "main") -> Answer:
    repo = hub.repo(asked, name)
    commit = hub.at(repo, rev or "main")
    files = [{"rfilename": path} for path in commit.files]
    about = {
        "id": name,
        "author": name.partition("/")[0],
        "sha": commit.oid,
        "private": repo.private,
        "gated": repo.gated,
    }
    return Answer({**about, "siblings": files, "tags": [], "disabled": False, "lastModified": DATE, "createdAt": DATE})


def auth_check(hub: Hub, asked: Asked, name: str, write: str) -> Answer:
    hub.repo(asked, name, write=bool(write))
    return Answer({})


def settings(hub: Hub, asked: Asked, name: str) -> Answer:
    repo, wanted = hub.repo(asked, name, write=True), asked.json
    repo.gated = wanted.get("gated", repo.gated)
    repo.private = wanted.get("visibility", "private" if repo.private else "public") == "private"
    return Answer({})


def refs(hub: Hub, asked: Asked, name: str) -> Answer:
    repo = hub.repo(asked, name)
    told = [{"name": ref, "ref": f"refs/heads/{ref}", "targetCommit": oid} for ref, oid in repo.refs.items()]
    tags = [{"name": one, "ref": f"refs/tags/{one}", "targetCommit": oid} for one, oid in repo.tags.items()]
    prs = [{**one, "ref": one["name"]} for one in told if one["name"].startswith("refs/pr/")]
    return Answer(
        {"branches": [one for one in told if one not in prs], "converts": [], "tags": tags, "pullRequests": prs}
    )


def branch(hub: Hub, asked: Asked, name: str, rev: str) -> Answer:
    repo = hub.repo(asked, name, write=True)
    if rev in repo.refs:
        raise HubError(409, f"Reference already exists: {rev}")
    repo.refs[rev] = hub.at(repo, asked.json.get("startingPoint", "main")).oid
    return Answer({})


def tag(hub: Hub, asked: Asked, name: str, rev: str) -> Answer:
    repo = hub.repo(asked, name, write=True)
    repo.tags[asked.json["tag"]] = hub.at(repo, rev).oid
    return Answer({})


def delete(hub: Hub, asked: Asked) -> Answer:
    owner = asked.json.get("organization") or (asked.account.name if asked.account else "")
    hub.repos.pop(hub.repo(asked, f"{owner}/{asked.json['name']}", write=True).name)
    return Answer({})


def commits(hub: Hub, asked: Asked, name: str, rev: str) -> Answer:
    repo = hub.repo(asked, name)
    at, told = hub.at(repo, rev).oid, []
    while at:
        one = repo.commits[at]
        told.append({"id": at, "title": one.title, "message": "", "date": DATE, "authors": [{"user": "me"}]})
        at = one.parent
    return Answer(told)


def discussions(hub: Hub, asked: Asked, name: str) -> Answer:
    repo = hub.repo(asked, name)
    about: dict[str, Any] = {
        "status": "open",
        "createdAt": DATE,
        "repo": {"name": name, "type": "dataset"},
        "isPullRequest": True,
    }
    told = [{**about, "num": n, "title": "a push", "author": {"name": who}} for n, who in repo.prs.items()]
    mine = [one for one in told if asked.query.get("author") in {None, one["author"]["name"]}]
    return Answer({"count": len(mine), "start": 0, "discussions": mine})


# --- reading ---------------------------------------------------------------------------------


def tree(hub: Hub, asked: Asked, name: str, rev: str, path: str) -> Answer:
    repo = hub.repo(asked, name)
    commit, start = hub.at(repo, rev), f"{path}/" if path else ""
    inside = {p: blob for p, blob in sorted(commit.files.items()) if p.startswith(start)}
    if start and not inside:
        raise HubError(404, f"{path} does not exist on {rev}", "EntryNotFound")
    told = [blob.told(p) for p, blob in inside.items()]
    if asked.query.get("recursive", "false").lower() not in {"true", "1"}:
        folders = sorted({start + p[len(start) :].split("/")[0] for p in inside if "/" in p[len(start) :]})
        told = [one for one in told if "/" not in one["path"][len(start) :]]
        told += [{"type": "directory", "path": p, "size": 0, "oid": blob_id(p.encode())} for p in folders]
    return Answer(told)


def paths_info(hub: Hub, asked: Asked, name: str, rev: str) -> Answer:
    commit = hub.at(hub.repo(asked, name), rev)
    form = asked.headers.get("content-type", "").startswith("application/x-www-form")
    paths = parse_qs(asked.body.decode()).get("paths", []) if form else asked.json["paths"]
    told = [commit.files[p].told(p) for p in paths if p in commit.files]
    folders = [p for p in paths if any(one.startswith(f"{p}/") for one in commit.files)]
    return Answer(told + [{"type": "directory", "path": p, "size": 0, "oid": blob_id(p.encode())} for p in folders])


def resolve(hub: Hub, asked: Asked, name: str, rev: str, path: str) -> Answer:
    commit = hub.at(hub.repo(asked, name), rev)
    blob = commit.files.get(path)
    if blob is None:
        raise HubError(404, f"Entry not found: {path}", "EntryNotFound")
    headers = {
        "X-Repo-Commit": commit.oid,
        "ETag": f'"{blob.sha256 if blob.lfs else blob.oid}"',
        "Accept-Ranges": "bytes",
    }
    content, size = blob.content, len(blob.content)
    part = re.fullmatch(r"bytes=(\d*)-(\d*)", asked.headers.get("range", ""))
    if not part or not size:
        return Answer(content, headers=headers)
    first, last = (int(part[1]), int(part[2] or size - 1)) if part[1] else (size - int(part[2]), size - 1)
    told = {**headers, "Content-Range": f"bytes {first}-{min(last, size - 1)}/{size}"}
    return Answer(content[first : last + 1], 206, told)


# --- writing ---------------------------------------------------------------------------------


def writable(hub: Hub, asked: Asked, name: str, rev: str) -> Commit:
    """The commit to write upon; a pull request asks for no right to write."""
    return hub.at(hub.repo(asked, name, write="create_pr" not in asked.query), rev)


def preupload(hub: Hub, asked: Asked, name: str, rev: str) -> Answer:
    files = writable(hub, asked, name, rev).files
    ignored = files[".gitignore"].content.decode().split() if ".gitignore" in files else []
    told = []
    for one in asked.json["files"]:
        there, lfs = files.get(one["path"]), is_lfs(one["path"], one["size"])
        known = {"oid": there.sha256 if there.lfs else there.oid} if there else {}
        mode, out = "lfs" if lfs else "regular", any(fnmatch(one["path"], line) for line in ignored)
        told.append({"path": one["path"], "uploadMode": mode, "shouldIgnore": out, **known})
    return Answer({"files": told})


def batch(hub: Hub, asked: Asked, name: str) -> Answer:
    repo = hub.repo(asked, name)
    told = []
    for one in asked.json["objects"]:
        upload = {"href": f"{hub.url}/lfs/{name}/{one['oid']}?X-Amz-Signature=secret-in-a-url"}
        verify = {"href": f"{hub.url}/datasets/{name}.git/info/lfs/objects/verify"}
        todo = {} if one["oid"] in repo.lfs else {"actions": {"upload": upload, "verify": verify}}
        told.append({**one, **todo})
    return Answer({"transfer": "basic", "objects": told})


def put(hub: Hub, asked: Asked, name: str, oid: str) -> Answer:
    if hashlib.sha256(asked.body).hexdigest() != oid:
        raise HubError(400, "BadDigest")
    hub.repos[name].lfs[oid] = asked.body
    return Answer()


def verify(hub: Hub, asked: Asked, name: str) -> Answer:
    if len(hub.repo(asked, name).lfs.get(asked.json["oid"], b"")) != asked.json["size"]:
        raise HubError(422, "the object is not there")
    return Answer({})


def commit(hub: Hub, asked: Asked, name: str, rev: str) -> Answer:
    head, repo, pr = writable(hub, asked, name, rev), hub.repos[name], "create_pr" in asked.query
    lines = [json.loads(line) for line in asked.body.splitlines() if line.strip()]
    header = next(line["value"] for line in lines if line["key"] == "header")
    parent = header.get("parentCommit")
    if parent and parent != head.oid and not pr:
        raise HubError(412, "A commit has happened since. Please refresh and try again.")
    ref = f"refs/pr/{next(hub.numbers)}" if pr else rev
    files = changed(repo, repo.files(parent) if pr and parent else head.files, lines)
    if ref not in repo.refs and not pr:
        raise HubError(404, f"Invalid rev id: {rev}", "RevisionNotFound")
    repo.refs.setdefault(ref, head.oid)
    oid = repo.commit(ref, files, header["summary"])
    told = {"success": True, "commitOid": oid, "commitUrl": f"{hub.url}/datasets/{name}/commit/{oid}"}
    if pr and asked.account:
        number = int(ref.rpartition("/")[2])
        repo.prs[number] = asked.account.name
        told["pullRequestUrl"] = f"{hub.url}/datasets/{name}/discussions/{number}"
    return Answer(told)


def changed(repo: Repo, files: Files, lines: list[dict[str, Any]]) -> Files:
    """The files after the operations of a commit."""
    found = dict(files)
    for line in lines:
        key, value = line["key"], line["value"]
        if key == "file":
            found[value["path"]] = Blob(base64.b64decode(value["content"]), lfs=False)
        elif key == "lfsFile":
            if value["oid"] not in repo.lfs:
                raise HubError(400, f"the LFS object of {value['path']} was never uploaded")
            found[value["path"]] = Blob(repo.lfs[value["oid"]], lfs=True)
        elif key == "deletedFile":
            if found.pop(value["path"], None) is None:
                raise HubError(404, "A file with this name doesn't exist", "EntryNotFound")
        elif key == "deletedFolder":
            found = {path: blob for path, blob in found.items() if not path.startswith(value["path"])}
    return found


def set_faults(hub: Hub, asked: Asked) -> Answer:
    """For a child that goes through many faults."""
    hub.faults = [Fault(**one) for one in asked.json]
    return Answer({})


ID = r"(?P<name>[\w.-]+/[\w.-]+)"
API = rf"/api/datasets/{ID}"
ROUTES: list[tuple[str, str, Does]] = [
    ("POST", "/_faults", set_faults),
    ("GET", "/api/whoami-v2", whoami),
    ("POST", "/api/repos/create", create),
    ("POST", "/api/validate-yaml", validate_yaml),
    ("GET", API, info),
    ("GET", rf"{API}/revision/(?P<rev>[^/]+)", info),
    ("GET", rf"{API}/auth-check(?P<write>/write)?", auth_check),
    ("PUT", rf"{API}/settings", settings),
    ("GET", rf"{API}/refs", refs),
    ("POST", rf"{API}/branch/(?P<rev>[^/]+)", branch),
    ("POST", rf"{API}/tag/(?P<rev>[^/]+)", tag),
    ("GET", rf"{API}/commits/(?P<rev>[^/]+)", commits),
    ("DELETE", "/api/repos/delete", delete),
    ("GET", rf"{API}/discussions", discussions),
    ("GET", rf"{API}/tree/(?P<rev>[^/]+)/?(?P<path>.*)", tree),
    ("POST", rf"{API}/paths-info/(?P<rev>[^/]+)", paths_info),
    ("POST", rf"{API}/preupload/(?P<rev>[^/]+)", preupload),
    ("POST", rf"{API}/commit/(?P<rev>[^/]+)", commit),
    ("POST", rf"/datasets/{ID}\.git/info/lfs/objects/batch", batch),
    ("POST", rf"/datasets/{ID}\.git/info/lfs/objects/verify", verify),
    ("PUT", rf"/lfs/{ID}/(?P<oid>\w+)", put),
    ("GET HEAD", rf"/datasets/{ID}/resolve/(?P<rev>[^/]+)/(?P<path>.+)", resolve),
]


# --- the wire --------------------------------------------------------------------------------


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm, wbufsize = (
        True,
        -1,
    )  # headers and body in one packet: a reader would wait 40 ms for the second

    def log_message(self, *_: Any) -> None:
        pass

    def serve(self) -> None:
        body = b"".join(self._body())
        parts = urlsplit(self.path)
        fault = None if parts.path == "/_faults" else self.hub.fault(f"{self.command} {parts.path}")
        asked = self._asked(parts.path, parts.query, body)
        if fault and fault.then == "hold":
            self.hub.reached.set()
            self.hub.released.wait(60)
        if fault and fault.then in {"hold", "close"}:
            self.close_connection = True
            return
        if fault and isinstance(fault.then, int):
            self._send(
                Answer({"error": fault.message}, fault.then, {"X-Error-Message": fault.message, **fault.headers})
            )
            return
        if fault and fault.then == "other":
            name = re.search(ID, parts.path.removeprefix("/api/datasets/"))
            repo = self.hub.repos[name["name"] if name else ""]
            repo.commit(
                "main", {**repo.files(), f"other-{len(repo.commits)}.txt": Blob(b"theirs", lfs=False)}, "theirs"
            )
        answer = self._answered(asked)
        if fault and fault.then == "keep":
            self.hub.reached.set()
            self.hub.released.wait(60)
        if fault and fault.then in {"keep", "lost"}:
            self.close_connection = True
            return
        self._send(answer)

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("content-length") or 0)
        slow = any(one.then == "slow" and re.search(one.at, f"{self.command} {self.path}") for one in self.hub.faults)
        while left > 0:
            part = self.rfile.read(min(left, 4096))
            if not part:
                return
            left -= len(part)
            time.sleep(0.02 if slow else 0)
            yield part

    def _asked(self, path: str, query: str, body: bytes) -> Asked:
        headers = {name.lower(): value for name, value in self.headers.items()}
        token = headers.get("authorization", "").removeprefix("Bearer ")
        words = {name: values[0] for name, values in parse_qs(query).items()}
        return Asked(self.command, path, words, body, headers, self.hub.accounts.get(token))

    def _answered(self, asked: Asked) -> Answer:
        try:
            return self.hub.answer(asked)
        except HubError as e:
            told = {"X-Error-Message": e.message} | ({"X-Error-Code": e.code} if e.code else {})
            return Answer({"error": e.message}, e.status, told)

    def _send(self, answer: Answer) -> None:
        raw = isinstance(answer.body, bytes)
        content = answer.body if raw else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        kind = "application/octet-stream" if raw else "application/json"
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **answer.headers}.items():
            self.send_header(name, value)
        with suppress(ConnectionError):
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
            self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve  # noqa: N815  # as the library looks them up
