"""What a page holds beside its words: data, styles and scripts, each in a form that cannot end its element, and the
policy that lets nothing else in.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

import orjson

from prefgen import texts

_NOT_IN_SCRIPTS = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def words(text: object) -> str:
    """Text that a page can show: marks that would turn it round, and control characters, as JSON spells them."""
    return texts.visible(str(text).replace("\r\n", "\n"))


def data(value: Any) -> str:
    """JSON that may stand in a script element: no ``<`` in it, so neither its end nor a comment. Half of a surrogate
    pair becomes U+FFFD, and a number that is none becomes null.
    """
    try:
        told = orjson.dumps(value)
    except orjson.JSONEncodeError:
        told = orjson.dumps(_sound(value), default=str)
    return told.decode().translate(_NOT_IN_SCRIPTS)


def _sound(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_sound(str(key)): _sound(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_sound(one) for one in value]
    return texts.sound(value) if isinstance(value, str) else value


def policy(style: str, script: str, *, served: bool = False) -> str:
    """The Content-Security-Policy of a page with this style and this script: no other runs, none is fetched, nothing
    is sent. A page that is ``served`` may ask its own server.
    """
    parts = {
        "default-src": "'none'",
        "style-src": _hash(style),
        "script-src": _hash(script),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    parts |= {"connect-src": "'self'"} if served else {}
    return "; ".join(f"{name} {what}" for name, what in parts.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def element(text: str) -> str:
    """A style or a script of ours, as it may stand in its element. Raises ValueError where it would end it."""
    if re.search(r"</(?:style|script)|<!--", text, re.IGNORECASE):
        raise ValueError("a style or script that would end its own element")
    return text
