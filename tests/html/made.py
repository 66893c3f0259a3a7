"""Sections and pairs to make pages of, and a server of pairs that holds them in memory."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from prefgen.card import charts
from prefgen.html.blocks import Chart, Fact, Facts, Quote, Section, Table, Words
from prefgen.html.page import SERVED, page

STEPS = [{"step": "1. responses", "rows": 90, "lost": 10}, {"step": "2. pairs", "rows": 60, "lost": 30}]
JUDGES = [{"judge": f"{n}. judge", "value": 0.6, "low": 0.5, "high": 0.7} for n in range(3)]


def sections(text: str = "words") -> list[Section]:
    """A section of each block; ``text`` stands wherever anybody's text may."""
    facts = [Fact(text, "1,204", text, "warn"), Fact("chosen is longer", text, "of 90 pairs"), Fact("kept", "90")]
    table = Table(
        ["step", "rows", "why"], [["b", "9", text], ["a", "1,204", "x" * 40], ["c", "—", ""]], frozenset({0, 2}), text
    )
    wide = {**charts.funnel(STEPS), "usermeta": {"wide": True}}
    return [
        Section("glance", "At a glance", [Facts(facts), Words(text)], text),
        Section("funnel", "From prompts to pairs", [Chart(wide, f"The funnel: {text}"), table]),
        Section("judges", "Judges", [Chart(charts.funnel(STEPS), text), Chart(charts.positions(JUDGES), text), Quote(text, text)]),
        Section("shut", "More", [Table(["a"], [[text]], caption="Shut", shut=True)]),
    ]  # fmt: skip


def pair(n: int, **more: Any) -> dict[str, Any]:
    """A pair of the shape that prefgen.browse gives."""
    kept, gap = n % 4 != 3, float(n % 7)
    judgment = {
        "id": f"p{n}.0.0",
        "table": "judgments",
        "judge": "fake/judge",
        "verdict": "chosen",
        "first": "rejected",
    }
    found: dict[str, Any] = {
        "id": f"p{n}",
        "prompt_id": f"p{n}",
        "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"Question {n}?"}],
        "chosen": f"The answer to {n} is a good one, and long.",
        "rejected": f"The answer to {n} is a bad one, and long.",
        "chosen_model": "fake/good",
        "rejected_model": None,
        "chosen_score": gap + 1,
        "rejected_score": 1.0,
        "gap": gap,
        "category": ["chat", "safety", None][n % 3],
        "state": "kept" if kept else "dropped",
        "step": None if kept else "agreed",
        "reason": None if kept else "verdict differs from gold",
        "disagreement": n % 5 == 0,
        "judgments": [{**judgment, "of": None, "score": None, "text": f"Reasons {n}.", "unreadable": None}],
        "cut": {},
        "mark": None,
    }
    return {**found, **more}


def sample(rows: list[dict[str, Any]], of: int | None = None) -> dict[str, Any]:
    """Pairs as they are embedded."""
    return {"rows": rows, "of": of or len(rows), "shown": len(rows), "cut_at": 4000}


@dataclass
class Server:
    """What a served page asks, and what it is told. ``broken`` fails marks; a page of rows ``cuts`` texts."""

    rows: list[dict[str, Any]]
    url: str = ""
    broken: bool = False
    cuts: int = 0
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def answer(self, method: str, url: str, body: bytes) -> tuple[int, Any]:
        """The status, and the page or what becomes JSON."""
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append((method, parts.path, json.loads(body) if body else query))
        if parts.path == "/":
            return 200, page("A run", "", [], rows=SERVED, kind="view")
        _, _, what, *rest = parts.path.split("/")
        if what == "marks":
            return self._mark(unquote(rest[0]), json.loads(body) if body else None)
        if rest:
            row = next(one for one in self.rows if one["id"] == unquote(rest[0]))
            own = {"added": {"said": "A reply."}, "replies": [{"line": "m, 4 tokens out", "text": "A raw reply."}]}
            behind = [{"table": "responses", "verb": "answer", "id": "p0.1", "depth": 0, **own}]
            return 200, {"row": row, "lineage": behind}
        return 200, {"rows": self._page, "facets": self._facets, "agreement": self._agreement}[what](query)

    def _mark(self, name: str, mark: Any) -> tuple[int, Any]:
        if self.broken:
            return 500, {"error": "the disk is full"}
        row = next(one for one in self.rows if one["id"] == name)
        row["mark"] = mark and {**mark, "at": "2026-11-25T12:00:00Z"}
        return 200, {"mark": row["mark"]}

    def _page(self, query: dict[str, str]) -> Any:
        found = [one for one in self.rows if query.get("q", "") in one["chosen"]]
        start = int(query["offset"])
        rows = found[start : start + int(query["limit"])]
        if self.cuts:
            rows = [
                {**one, "chosen": one["chosen"][: self.cuts], "cut": {"chosen": len(one["chosen"])}} for one in rows
            ]
        return {"total": len(found), "rows": rows}

    def _facets(self, _: Any) -> Any:
        return {"categories": {"chat": 1, "safety": 2}, "reasons": {}, "states": {"kept": len(self.rows)}, "gap": None}

    def _agreement(self, _: Any) -> Any:
        return {"said": f"{sum(1 for one in self.rows if one['mark'])} marked"}


@contextmanager
def serving(rows: list[dict[str, Any]]) -> Iterator[Server]:
    """A server of these pairs, on loopback."""
    told = Server(rows)

    class Handler(BaseHTTPRequestHandler):
        def _all(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            status, what = told.answer(self.command, self.path, self.rfile.read(size))
            is_page = isinstance(what, str)
            self.send_response(status)
            self.send_header("content-type", "text/html" if is_page else "application/json")
            self.end_headers()
            self.wfile.write((what if is_page else json.dumps(what)).encode())

        do_GET = do_PUT = do_DELETE = _all  # noqa: N815  (names of the standard library's)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        told.url = f"http://127.0.0.1:{server.server_port}/"
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()
