"""One exchange with a provider: JSON out, the reply as it was sent back, faults as ``prefgen.errors``.

The providers' SDKs are passed by (decision 0032): the raw reply is what the journal keeps, and bodies hold fields that
no SDK's signature knows (grammars, prompt log-probabilities). What they send is what is sent here; a test compares.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from prefgen.errors import RowFailed
from prefgen.llm import faults, keys
from prefgen.llm.faults import Place
from prefgen.llm.keys import Account
from prefgen.llm.limits import Limits, of_headers
from prefgen.llm.request import Request
from prefgen.texts import NOT_READ, is_deeper, quickly, sound

if TYPE_CHECKING:
    from prefgen.llm.connections import Connections, Route
    from prefgen.llm.http1 import Answer

MOST_TOKENS = 2**40
"""No reply has more; a count beyond it is a server's mistake."""
CONNECT = 10.0
"""Seconds to a connection; the whole call has the model's own deadline."""
DEEPEST = 100
"""Lists and objects within one another that a reply may have: far above any, far below where Python gives up, which
would be another depth wherever the reply is read again.
"""
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
LONGEST_NAME = 200
"""Characters of a model's name."""


class Wire:
    """How a provider posts to ``path`` at each place: over connections of its own, with the account's headers.

    Redirects are not followed: they could carry a prompt, or a key, to another host.
    """

    def __init__(self, path: str, account: Account) -> None:
        self._path, self._account = path, account
        self._connections: Connections | None = None
        self._ways: dict[tuple[str, str], tuple[Route, bytes]] = {}

    async def post(self, body: Mapping[str, Any], place: Place, seconds: float) -> tuple[dict[str, Any], Limits]:
        """The JSON object that comes within so many seconds, and the limits in its headers. Raises only
        ``prefgen.errors``.
        """
        from prefgen.llm import connections

        content = encoded(body, place)
        self._connections = self._connections or connections.Connections()
        route, head = self._way(place)
        try:
            answer = await self._connections.ask(route, head, content, seconds)
        except connections.Trouble as trouble:
            # Where the words come from may hold headers, so no `from`: it would show them in a traceback.
            raise faults.of_trouble(trouble, place) from None
        return told(answer, place), of_headers(answer.headers)

    def _way(self, place: Place) -> "tuple[Route, bytes]":
        if (found := self._ways.get((place.url, place.key))) is None:
            from prefgen.llm import connections

            route = connections.route(place.url + self._path)
            try:
                found = route, connections.head(route, keys.headers(place, self._account))
            except ValueError as e:
                raise faults.no_header(place, str(e)) from None
            self._ways[place.url, place.key] = found
        return found

    async def close(self) -> None:
        """Hangs up."""
        if self._connections:
            await self._connections.close()


def encoded(body: Mapping[str, Any], place: Place) -> bytes:
    """A body as it is sent. Raises RowFailed ("bad_text") for one that is no JSON."""
    try:
        return _ENCODE(body).encode()
    except ValueError as e:  # half a surrogate pair, or a NaN in `extra`
        raise RowFailed("bad_text", f"{place.use}: the request cannot be written as JSON ({type(e).__name__})") from e


def told(answer: "Answer", place: Place) -> dict[str, Any]:
    """The JSON object in an answer. Raises the error that it stands for where it is none, or says one."""
    if not 200 <= answer.status < 300:
        raise faults.of_status(answer.status, answer.headers, answer.body, place)
    return _decoded(answer.status, answer.headers, answer.body, place)


def _decoded(status: int, headers: Mapping[str, str], content: bytes, place: Place) -> dict[str, Any]:
    """The body, where it is a JSON object and not an error dressed as a success (as routers send them)."""
    start = content[:1000].decode("utf-8", "replace")
    try:
        data = json.loads(content) if (read := quickly(content)) is NOT_READ else read
    except (ValueError, RecursionError):
        raise faults.bad_body(place.use, f"({status}) no JSON came", start, place.key) from None
    if not isinstance(data, dict):
        raise faults.bad_body(place.use, f"({status}) no JSON object came", start, place.key)
    if content.count(b"[") + content.count(b"{") > DEEPEST and is_deeper(data, DEEPEST):
        raise faults.bad_body(place.use, f"({status}) JSON within JSON came, and no end of it", start, place.key)
    error = data.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and 400 <= code < 600:
        raise faults.of_status(code, headers, content, place)
    return _without_key(data, place.key)


def _without_key(data: dict[str, Any], key: str) -> dict[str, Any]:
    """The reply, less the key that it was asked with: a server could write it into a text that is to be published."""
    if len(key) < faults.SHORTEST or key not in (text := json.dumps(data, ensure_ascii=False)):
        return data
    cleaned: dict[str, Any] = json.loads(text.replace(key, "[key]"))
    return cleaned


def text_of(content: object) -> str:
    """The text of a message: a string, nothing, or a list of blocks of which those of text count.

    Half surrogate pairs, which JSON can hold and files cannot, become U+FFFD. Raises TypeError for anything else.
    """
    if isinstance(content, str):
        return sound(content)
    if isinstance(content, list):
        blocks = [block for block in content if isinstance(block, dict) and block.get("type") == "text"]
        return "".join(_text(block.get("text")) for block in blocks)
    return _text(content)


def _text(content: object) -> str:
    if not isinstance(content, str | None):
        raise TypeError(f"a message of {type(content).__name__}")
    return sound(content or "")


def check_tools(request: Request) -> None:
    """Raises RowFailed for a prompt with what a tool said: protocols that know tools want the call that it answers, by
    its id, which a message of role and content has not.
    """
    if any(turn["role"] == "tool" for turn in request.messages):
        cure = "ask a server of your own, whose chat template takes it, or leave such prompts out"
        raise RowFailed("tool_message", f"{request.model.use}: takes no tool's message without its call; {cure}")


def name_of(raw: Mapping[str, Any]) -> str:
    """The model that a reply says it is of; nothing where it says nothing that a name could be."""
    name = raw.get("model")
    return sound(name[:LONGEST_NAME]) if isinstance(name, str) else ""


def count(usage: object, *names: str) -> int:
    """The sum of these counts of tokens; what is absent, or no number that tokens could have, counts nothing."""
    if not isinstance(usage, dict):
        return 0
    return sum([number(usage.get(name)) or 0 for name in names])


def tells(usage: object, *names: str) -> bool:
    """Whether one of these counts is there."""
    return isinstance(usage, dict) and any(number(usage.get(name)) is not None for name in names)


def number(value: object) -> int | None:
    """A number that tokens could have; some servers write it with a point."""
    if type(value) is int and 0 <= value < MOST_TOKENS:
        return value
    if type(value) is float and value.is_integer() and 0 <= value < MOST_TOKENS:
        return int(value)
    return None
