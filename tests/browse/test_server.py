"""The server of `prefgen view`: what it answers, and whom it does not."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from prefgen.browse.finding import GivenUp
from prefgen.browse.marks import FILE
from prefgen.browse.pairs import Filters, PairTable
from prefgen.browse.server import HOST, bound, pages
from prefgen.errors import RunError
from tests.browse.planted import pairs, plain_run, rlcd
from tests.browse.served import Client, listening_to, serving

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rlcd(tmp_path_factory.mktemp("served")).folder


@pytest.fixture(scope="module")
def client(run_folder: Path) -> Iterator[Client]:
    with serving(run_folder) as found:
        yield found


# --- what it answers ------------------------------------------------------------------------


def test_it_answers_what_the_table_says(client: Client, run_folder: Path) -> None:
    table = PairTable(run_folder)
    assert client.get("/api/facets") == table.facets()
    assert client.get("/api/rows", offset=3, limit=4) == table.page(Filters(), 3, 4, 20_000)
    asked = {"q": "question 1", "state": "dropped", "disagreement": "true", "sort": "disagreement"}
    found = table.page(Filters("question 1", state="dropped", disagreement=True, sort="disagreement"), 0, 50, 20_000)
    assert client.get("/api/rows", **asked) == found
    assert 0 < found["total"] < 70
    row = found["rows"][0]
    whole = client.get(f"/api/rows/{row['id']}")
    assert whole["row"] == row
    assert [one["table"] for one in whole["lineage"]][:3] == ["pairs", "affixed", "prompts"]
    assert whole["lineage"][0]["replies"][0]["line"].startswith("fake/actor-0 · ")


def test_a_page_holds_its_token_and_lets_nothing_else_in(client: Client) -> None:
    came = client.ask("GET", "/")
    assert came.status == 200
    assert len(client.token()) > 40
    policy = came.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    (meta,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', came.text)
    assert policy == f"{unescape(meta)}; frame-ancestors 'none'"
    for answer in (came, client.ask("GET", "/api/facets"), client.ask("GET", "/nothing")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-frame-options"] == "DENY"
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_long_texts_are_cut_in_pages_and_whole_by_themselves(tmp_path: Path) -> None:
    frame = pairs([("q?", "c" * 1_000_000, "</script><script>alert(1)</script>")])
    with serving(plain_run(tmp_path, frame)) as client:
        (row,) = client.get("/api/rows")["rows"]
        assert (len(row["chosen"]), row["cut"]) == (20_000, {"chosen": 1_000_000})
        assert row["rejected"] == "</script><script>alert(1)</script>"
        assert len(client.get(f"/api/rows/{row['id']}")["row"]["chosen"]) == 1_000_000


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("offset=-1", "offset is '-1'; name a whole number"),
        ("limit=x", "limit is 'x'; name a whole number"),
        ("limit=9999999999999999999", "name a whole number"),
        ("min_gap=nan", "min_gap is 'nan'; name a number"),
        ("max_gap=wide", "max_gap is 'wide'; name a number"),
        ("sort=size", "sort is 'size'; choose from"),
        ("state=keep", "state is 'keep'; did you mean 'kept'"),
    ],
)
def test_a_question_that_is_none_is_told(client: Client, query: str, words: str) -> None:
    came = client.ask("GET", f"/api/rows?{query}")
    assert came.status == 400
    assert words in came.json["error"]


def test_no_answer_holds_very_many_rows(tmp_path: Path) -> None:
    frame = pairs([(f"q{n}?", "a", "b") for n in range(300)])
    with serving(plain_run(tmp_path, frame)) as client:
        assert len(client.get("/api/rows", limit=5000)["rows"]) == 200


def test_ids_of_any_form_are_found(tmp_path: Path) -> None:
    names = ["a/b?c=d#e", "../../etc/passwd", "ä\u202e", "%2e%2e", "a b", "a\nb\x00"]
    frame = pairs([(name, "x", "y") for name in names], id=names)
    with serving(plain_run(tmp_path, frame)) as client:
        for name in names:
            assert client.get(f"/api/rows/{quote(name, safe='')}")["row"]["prompt"][0]["content"] == name
            assert client.mark(quote(name, safe=""), "agree").json["mark"]["mark"] == "agree"


# --- marks ----------------------------------------------------------------------------------


def test_marks_are_saved_at_once_and_told(tmp_path: Path) -> None:
    folder = plain_run(tmp_path, pairs([(f"q{n}?", "a", "b") for n in range(4)]))
    names = [f"{n:016x}.0" for n in range(4)]
    with serving(folder) as client:
        assert client.get("/api/agreement")["said"] == ""
        assert client.mark(names[0], "agree").json["mark"]["mark"] == "agree"
        assert client.mark(names[1], "edit", "better").json["mark"]["text"] == "better"
        lines = [json.loads(line) for line in (folder / FILE).read_text().splitlines()]
        assert [(line["pair_id"], line["mark"]) for line in lines] == [(names[0], "agree"), (names[1], "edit")]
        assert [row["id"] for row in client.get("/api/rows", mark="any")["rows"]] == names[:2]
        assert client.get("/api/agreement")["marks"] == {"agree": 1, "disagree": 0, "edit": 1}
        token = {"x-prefgen-token": client.token()}
        assert client.ask("DELETE", f"/api/marks/{names[0]}", headers=token).json == {"mark": None}
        assert client.get(f"/api/rows/{names[0]}")["row"]["mark"] is None
        came = client.mark("nothing", "agree")
        assert (came.status, came.json["error"]) == (404, "there is no such pair in this run")
        came = client.mark(names[0], "perhaps")
        assert came.status == 400
        assert came.json["error"].startswith("a mark is ")
    with serving(folder) as client:  # another server, the same marks
        assert client.get("/api/agreement")["marks"] == {"agree": 0, "disagree": 0, "edit": 1}


def test_a_run_that_is_run_again_is_read_again(tmp_path: Path) -> None:
    folder = plain_run(tmp_path, pairs([("old?", "a", "b"), ("other?", "a", "b")]))
    with serving(folder) as client:
        client.mark(f"{0:016x}.0", "agree")
        client.mark(f"{1:016x}.0", "agree")
        plain_run(folder, pairs([("new?", "a", "b")]))
        page = client.get("/api/rows")
        assert [row["prompt"][0]["content"] for row in page["rows"]] == ["new?"]
        assert page["rows"][0]["mark"] is None
        told = client.get("/api/agreement")
        assert (told["changed"], told["gone"], told["label"]) == (1, 1, None)


# --- whom it does not answer ------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:{port}.evil.example", "127.0.0.1:1", "localhost.:{port}", "[::1]:{port}", ""])  # fmt: skip
def test_a_name_that_leads_here_is_not_this_server(client: Client, host: str) -> None:
    """DNS rebinding: a page of somebody's whose name leads to this machine reads nothing, the token least of all."""
    for path in ("/", "/api/rows"):
        came = client.ask("GET", path, headers={"host": host.format(port=client.port)})
        assert came.status == 421
        assert came.json == {"error": "this server is for this machine alone"}


def test_localhost_is_this_machine(client: Client) -> None:
    assert client.ask("GET", "/", headers={"host": f"localhost:{client.port}"}).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-prefgen-token": "wrong"}, 403),
        ({"x-prefgen-token": ""}, 403),
        ({"x-prefgen-token": "ä"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_a_mark_comes_from_its_own_page_alone(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    with serving(plain_run(tmp_path, pairs([("q?", "a", "b")]))) as client:
        own = {"content-type": "application/json", "x-prefgen-token": client.token()}
        sent = {name: value.encode().decode("latin-1") for name, value in (own | headers).items()}
        came = client.ask("PUT", f"/api/marks/{0:016x}.0", {"mark": "agree", "text": ""}, sent)
        assert came.status == status
        assert came.json["error"]
        if status == 403:
            assert client.ask("DELETE", f"/api/marks/{0:016x}.0", None, sent).status == 403
        assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 400), (b"[]", 400), (b"{", 400), (b'"agree"', 400), (b"x" * 16_000_001, 413)]
)
def test_what_is_no_mark_changes_nothing(client: Client, run_folder: Path, body: bytes, status: int) -> None:
    sent = {"content-type": "application/json", "x-prefgen-token": client.token()}
    assert client.ask("PUT", "/api/marks/x", body, sent).status == status
    assert not (run_folder / FILE).exists()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/api/rows", "/api/facets", "/api/rows/x"])
def test_all_else_is_for_reading(client: Client, method: str, path: str) -> None:
    sent = {"x-prefgen-token": client.token(), "content-type": "application/json", "origin": "http://evil.example"}
    came = client.ask(method, path, {}, sent)
    assert came.status == 405
    assert not [name for name in came.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "path",
    ["/../run.json", "/..%2f..%2fetc%2fpasswd", "/api/rows/..%2f..%2f..%2f..%2fetc%2fpasswd", "/run.json", "/marks.jsonl",
     "/api/", "//etc/passwd", "/api/marks/x", "/static/../../x", "/%00", "/api/rows/%00", "/api/rows/"],
)  # fmt: skip
def test_no_path_leads_to_a_file(client: Client, path: str) -> None:
    came = client.ask("GET", path)
    assert came.status in {404, 405}
    assert set(came.json) == {"error"}
    assert "root:" not in came.text


def test_it_listens_on_loopback_alone() -> None:
    with bound(0) as listening:
        assert listening.getsockname()[0] == HOST == "127.0.0.1"
        port = listening.getsockname()[1]
        with pytest.raises(RunError, match=rf"port {port}: .*in use; name another one, or none \(--port 0\)"):
            bound(port)


# --- searches that nobody waits for -----------------------------------------------------------


def test_a_search_that_is_given_up_ends_in_the_middle(tmp_path: Path) -> None:
    frame = pairs([(f"q{n}?", "lorem ipsum", "dolor") for n in range(5000)])
    table, looks = PairTable(plain_run(tmp_path, frame)), iter([True, True, False])
    with pytest.raises(GivenUp):
        table.page(Filters(q="nowhere"), 0, 10, 100, lambda: next(looks))
    assert table.page(Filters(q="nowhere"), 0, 10)["total"] == 0  # what was given up is not taken for what was found


def test_who_hangs_up_gives_up() -> None:
    asked, ended = threading.Event(), threading.Event()

    def page(*how: Any) -> Any:
        asked.set()
        while how[-1]():
            time.sleep(0.01)
        ended.set()
        return {}

    with listening_to(Starlette(routes=[Route("/api/rows", pages(page))])) as client:
        with socket.create_connection((HOST, client.port)) as raw:
            raw.sendall(b"GET /api/rows HTTP/1.1\r\nhost: here\r\n\r\n")
            assert asked.wait(20)
            assert not ended.wait(0.3)
        assert ended.wait(20)


# --- the command ----------------------------------------------------------------------------


def started(folder: Path, *words: str) -> "tuple[subprocess.Popen[str], str]":
    command = [sys.executable, str(ROOT / "cli.py"), "view", str(folder), "--no-open", *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    assert child.stdout
    return child, child.stdout.readline()


def test_the_command_says_its_address_and_ends_cleanly(tmp_path: Path) -> None:
    folder = plain_run(tmp_path, pairs([("q?", "a", "b")]))
    child, said = started(folder)
    found = re.fullmatch(rf"{re.escape(str(folder))} is shown at http://127\.0\.0\.1:(\d+)/ \(Ctrl-C ends it\)\n", said)
    assert found
    client = Client(int(found[1]))
    assert client.get("/api/facets")["states"] == {"kept": 1, "dropped": 0}
    taken, _ = started(folder, "--port", found[1])
    out, told = taken.communicate(timeout=30)
    assert (taken.returncode, out) == (1, "")
    assert re.fullmatch(rf"error: port {found[1]}: .*; name another one, or none \(--port 0\)\n", told)
    child.send_signal(signal.SIGINT)
    out, told = child.communicate(timeout=30)
    assert (child.returncode, out, told) == (0, "", "")


def test_a_kill_in_the_middle_loses_no_mark_that_was_answered(tmp_path: Path) -> None:
    folder = plain_run(tmp_path, pairs([(f"q{n}?", "a", "b") for n in range(200)]))
    child, said = started(folder)
    client = Client(int(re.findall(r":(\d+)/", said)[0]))
    token = {"content-type": "application/json", "x-prefgen-token": client.token()}
    saved: list[str] = []

    def marks() -> None:
        for n in range(200):
            try:
                came = client.ask("PUT", f"/api/marks/{n:016x}.0", {"mark": "agree", "text": ""}, token)
            except OSError:
                return
            saved.append(f"{n:016x}.0") if came.status == 200 else None

    thread = threading.Thread(target=marks)
    thread.start()
    while len(saved) < 20 and thread.is_alive():
        time.sleep(0.01)
    child.kill()
    thread.join()
    child.communicate()
    rows: list[dict[str, Any]] = PairTable(folder).page(Filters(mark="agree"), 0, 999)["rows"]
    assert set(saved) <= {row["id"] for row in rows}
    assert len(saved) >= 20
