"""Keys with a name of their own in the environment, a hostile server that says them back in every way it can, and a search
through every byte that is written or shown.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers import AnthropicServer, Body, OpenAIServer, Response, Server
from tests.spoken import spoken

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
CANARIES = {
    "OPENAI_API_KEY": "sk-proj-CANARYopenai0123456789abcdefghij",
    "ANTHROPIC_API_KEY": "sk-ant-CANARYanthropic0123456789abcdef",
    "ROUTER_KEY": "CANARYrouter.no-known-form.0123456789",
    "HF_TOKEN": "hf_CANARYhub0123456789abcdefghijklmnop",
    "AWS_SECRET_ACCESS_KEY": "CANARYaws/0123456789",
}
KEY = CANARIES["ROUTER_KEY"]

RECIPE = """
models:
  it: {{use: {use}, base_url: "{url}", api_key_env: ROUTER_KEY, max_tokens: 90, timeout: 2}}
steps:
  prompts: {{load: prompts.jsonl}}
  responses: {{answer: prompts, model: it, n: 2}}
  scored: {{score: responses, model: it}}
  pairs: {{best_worst: scored}}
write: {{preferences: pairs}}
"""


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(c):04x}" for c in text)


def says(words: str) -> Callable[[Body], str]:
    return lambda body: f"{words} {spoken(body)}"


def raw(of: str, kind: str) -> Response:
    """The key inside of a reply, in JSON's own disguise."""
    text = f'"text with {escaped(of)} in it"'
    choice = f'{{"index": 0, "message": {{"role": "assistant", "content": {text}}}, "finish_reason": "stop"}}'
    if kind == "anthropic":
        return Response(
            f'{{"model": "m", "content": [{{"type": "text", "text": {text}}}], "stop_reason": "end_turn"}}'.encode()
        )
    return Response(f'{{"model": "m", "choices": [{choice}]}}'.encode())


def refusal(status: int, code: str = "") -> Response:
    words = f"Incorrect key {KEY}, sent as Bearer {KEY}, in {json.dumps({'authorization': KEY})}"
    error = {"message": words, "type": KEY, "code": code or KEY, "param": KEY}
    headers = {"x-key": KEY, "www-authenticate": f"Bearer {KEY}", "retry-after-ms": "1"}
    return Response({"error": error, "key": KEY}, status, headers)


ANSWERS: dict[str, Any] = {
    "in every reply": says(f"my key is {KEY}!"),
    "in disguise": raw,
    **{f"in a {status}": refusal(status) for status in (400, 401, 403, 404, 413, 422, 429, 500, 503)},
    "in a spent quota": refusal(429, "insufficient_quota"),
    "in no JSON": Response(f"<html>{KEY}</html>".encode()),
    "in a redirect": Response(b"", 302, {"location": f"http://127.0.0.1:9/{KEY}"}),
    "in a broken reply": Response(f'{{"choices": "{KEY}"}}'.encode()),
}


def found(folder: Path, *shown: str) -> list[str]:
    """Where a canary stands: in a file, or in what was shown."""
    needles = [value.encode() for value in CANARIES.values()]
    needles += [base64.b64encode(value.encode())[:-4] for value in CANARIES.values()]
    texts = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    texts |= {f"shown {i}": text.encode() for i, text in enumerate(shown)}
    return [name for name, content in texts.items() if any(needle in content for needle in needles)]


def unpacked(folder: Path) -> str:
    """What the journal's compressed replies hold."""
    import sqlite3

    import zstandard

    connection = sqlite3.connect(folder / "run" / "journal.sqlite")
    try:
        bodies = [zstandard.decompress(row[0]).decode() for row in connection.execute("SELECT body FROM reply")]
    finally:
        connection.close()
    return "\n".join(bodies)


CASES = [(how, "") for how in ANSWERS] + [(how, "1") for how in ANSWERS if how.startswith("in a 4")]  # with tracebacks
PROTOCOLS = {"openai": OpenAIServer, "anthropic": AnthropicServer}


@dataclass(frozen=True)
class Ran:
    """What one command showed, what its server was sent, and its folder."""

    folder: Path
    shown: str
    sent: list[str]


@pytest.fixture(scope="module", params=PROTOCOLS)
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Ran]:
    """Every case in one process, command after command: starting one takes longer than what it does here."""
    home, runs = tmp_path_factory.mktemp(request.param), list[dict[str, str]]()
    servers: list[Server] = []
    with ExitStack() as stack:
        for n, (how, debug) in enumerate(CASES):
            answer = raw(KEY, request.param) if ANSWERS[how] is raw else ANSWERS[how]
            server = PROTOCOLS[request.param](_always(answer))
            servers.append(stack.enter_context(server))
            folder = home / str(n)
            folder.mkdir()
            (folder / "r.yaml").write_text(RECIPE.format(use=f"{request.param}/m", url=server.base_url))
            (folder / "prompts.jsonl").write_text('{"prompt": "why?"}\n')
            runs.append({"folder": str(folder), "debug": debug})
        child = [sys.executable, "-c", COMMANDS]
        environment = {**os.environ, **CANARIES, "PYTHONPATH": str(ROOT)}
        said = subprocess.run(
            child, input=json.dumps(runs), env=environment, capture_output=True, text=True, check=False, timeout=200
        )
    assert (said.returncode, said.stderr) == (0, "")
    shown = json.loads(said.stdout)
    sent = [[f"{seen.headers} {seen.body}" for seen in server.requests] for server in servers]
    return {case: Ran(home / str(n), shown[n], sent[n]) for n, case in enumerate(CASES)}


def _always(answer: Any) -> Callable[[Body], Any]:
    return answer if callable(answer) else lambda body: answer


COMMANDS = """
import contextlib, io, json, os, sys, traceback
from prefgen.cli import main
shown = []
for one in json.load(sys.stdin):
    os.chdir(one["folder"])
    os.environ["PREFGEN_DEBUG"] = one["debug"]
    sys.argv = ["prefgen", "run", "r.yaml", "--out", "run", "--max-calls", "5"]
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main()
        except SystemExit:
            pass
        except Exception:
            traceback.print_exc()
    shown.append(out.getvalue())
print(json.dumps(shown))
"""


def test_the_key_is_sent_where_it_belongs_and_no_other_one(ran: dict[tuple[str, str], Ran]) -> None:
    others = [value for name, value in CANARIES.items() if name != "ROUTER_KEY"]
    for case, one in ran.items():
        assert any(KEY in sent for sent in one.sent), case
        assert not any(value in sent for sent in one.sent for value in others), case


def test_no_key_is_written_or_shown(ran: dict[tuple[str, str], Ran]) -> None:
    assert all(one.shown for one in ran.values())
    assert {case: at for case, one in ran.items() if (at := found(one.folder, one.shown, unpacked(one.folder)))} == {}
