"""temp"""

import io
import sqlite3
import zipfile
from pathlib import Path

from prefgen.llm.journal import Journal
from prefgen.llm.store import ATTEMPT, FAILURE, REPLY, Insert, opened


class Exporter:
    def __init__(self, journal: Path) -> None:
        self.c = opened(journal)
        self.last = {"reply": 0, "attempt": 0, "failure": 0}

    def next(self) -> bytes | None:
        import json, base64

        out, any_ = {}, False
        for name in self.last:
            rows = self.c.execute(
                f"SELECT rowid, * FROM {name} WHERE rowid > ? ORDER BY rowid LIMIT 5000", (self.last[name],)
            ).fetchall()
            if rows:
                any_ = True
                self.last[name] = rows[-1][0]
            out[name] = [[base64.b64encode(v).decode() if isinstance(v, bytes) else v for v in r[1:]] for r in rows]
        return json.dumps(out).encode() if any_ else None

    def close(self) -> None:
        self.c.close()


async def take_in(journal: Journal, name: str, content: bytes) -> frozenset[bytes]:
    import json, base64

    data = json.loads(content)
    rows = [[base64.b64decode(r[0]), base64.b64decode(r[1]), *r[2:]] for r in data["reply"]]
    have = journal.store.find_all([r[0] for r in rows])
    lost = frozenset(r[0] for r in rows if r[0] in have and have[r[0]][0] != r[1])
    ins = [Insert(REPLY, [tuple(r) for r in rows])] if rows else []
    for n, st in (("attempt", ATTEMPT), ("failure", FAILURE)):
        if data[n]:
            ins.append(Insert(st, [(base64.b64decode(r[0]), *r[1:]) for r in data[n]]))
    ins.append(Insert("INSERT OR IGNORE INTO meta VALUES (?, ?)", [(f"segment:{name}", "")]))
    await journal.store.commit(ins)
    return lost


def taken(journal: Journal) -> frozenset[str]:
    c = opened(journal.path)
    try:
        return frozenset(n[8:] for (n,) in c.execute("SELECT name FROM meta WHERE name LIKE 'segment:%'"))
    finally:
        c.close()


def name_of(journal: Journal) -> str:
    import uuid

    c = opened(journal.path)
    try:
        c.execute("INSERT OR IGNORE INTO meta VALUES ('name', ?)", (uuid.uuid4().hex[:12],))
        return c.execute("SELECT value FROM meta WHERE name = 'name'").fetchone()[0]
    finally:
        c.close()
