"""Keys with a name of their own in the environment, a hostile server that says them back in every way it can, and a search
through every byte that is written or shown.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers import AnthropicServer, Body, OpenAIServer, Response
from tests.spoken import spoken

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
    return Response({"error": error, "key": KEY}, status, {"x-key": KEY, "www-authenticate": f"Bearer {KEY}"})


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


CASES = [(how, protocol, "") for how in ANSWERS for protocol in ("openai", "anthropic")]
CASES += [(how, "openai", "1") for how in ANSWERS if how.startswith("in a 4")]  # with tracebacks


@pytest.mark.parametrize(("how", "protocol", "debug"), CASES)
def test_no_key_is_written_or_shown(how: str, protocol: str, debug: str, tmp_path: Path) -> None:
    kind, answer = {"openai": OpenAIServer, "anthropic": AnthropicServer}[protocol], ANSWERS[how]
    if answer is raw:
        answer = raw(KEY, protocol)
    with kind(answer if callable(answer) else lambda body: answer) as server:
        text = RECIPE.format(use=f"{protocol}/m", url=server.base_url)
        (tmp_path / "r.yaml").write_text(text)
        (tmp_path / "prompts.jsonl").write_text('{"prompt": "why?"}\n')
        command = [sys.executable, str(ROOT / "cli.py"), "run", "r.yaml", "--out", "run", "--max-calls", "5"]
        environment = {**os.environ, **CANARIES, "PREFGEN_DEBUG": debug}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=100
        )
        assert any(KEY in str(seen.headers) for seen in server.requests), "the key was sent where it belongs"
        others = [value for name, value in CANARIES.items() if name != "ROUTER_KEY"]
        assert not any(value in str(seen) for seen in server.requests for value in others), "and no other one"
    assert found(tmp_path, done.stdout, done.stderr, unpacked(tmp_path)) == []
