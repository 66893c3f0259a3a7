"""The fake's words, over HTTP: what the loopback servers of whole runs answer."""

from typing import Any

from prefgen.llm.request import Model, Request
from tests.fakes import writes


def spoken(body: dict[str, Any]) -> str:
    """The fake's words for an OpenAI or Anthropic request, by its content alone."""
    texts = [turn["content"] for turn in body["messages"]]
    seed = sum(map(ord, "".join(texts))) + int(body.get("seed") or 0)
    found = writes(Request(Model(use="fake/it"), [{"role": "user", "content": text} for text in texts]), seed)
    return found if isinstance(found, str) else found.text
