"""Text, and JSON, that does no harm where it goes: to a terminal, into a file, into a table."""

import json
import re
from typing import Any

import orjson

_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f]"
)
_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3])(?:\..*)?", re.IGNORECASE)
"""What Windows takes for a device, whatever its ending."""
_DIGITS, _LONG = bytes.maketrans(b"123456789", b"0" * 9), b"0" * 19
"""How digits are made alike, and so many that a number may have more than 64 bits, of which orjson makes a fraction."""
NOT_READ = object()
"""What is no value of JSON."""


def plain(text: str) -> str:
    """Text that cannot steer a terminal: no escapes, no other control characters, no marks that turn it round, no
    half characters.
    """
    return _CONTROL.sub("", text)


def visible(text: str) -> str:
    """JSON with every such character as JSON spells it, so that all of it can be seen."""
    return _CONTROL.sub(lambda found: json.dumps(found[0])[1:-1], text)


def quickly(data: bytes) -> Any:
    """The value of a JSON text that orjson reads as the standard library does, in a third of the time; else NOT_READ:
    the standard library may still read it, or say what is wrong.
    """
    if _LONG in data.translate(_DIGITS):
        return NOT_READ
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return NOT_READ


def is_deeper(value: object, levels: int) -> bool:
    """Whether JSON has lists and objects within one another beyond so many levels."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inner is not None and (levels == 0 or any(is_deeper(one, levels - 1) for one in inner))


def sound(text: str) -> str:
    """Text that every file can hold: half of a surrogate pair, which JSON can spell, becomes U+FFFD."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def nameable(text: str, *, dots: bool = False) -> bool:
    """Whether a text can name a file in a folder, here and elsewhere: no way out of it, no device, not too long.
    A folder may have ``dots`` in its name.
    """
    plain = re.fullmatch(r"\w[\w.-]{0,95}" if dots else r"\w[\w-]{0,99}", text)
    return bool(plain) and not _DEVICE.fullmatch(text) and not text.endswith(".") and len(text.encode()) <= 200
