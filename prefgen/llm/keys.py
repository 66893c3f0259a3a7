"""Where a request goes, and which key goes with it. Keys come from environment variables only.

A recipe may be a stranger's, and may name any ``base_url``. So the key in a provider's own variable (OPENAI_API_KEY) is
sent to the provider's own address and to the one that its own address variable names (OPENAI_BASE_URL: set by the same
hand as the key), and to nobody else. Any other address gets the key that ``api_key_env`` names, if it names one.
Where none is named, hosts on this machine and in private networks get a placeholder; public ones are not asked.
"""

import ipaddress
import os
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from prefgen.errors import ProviderError
from prefgen.llm.faults import Place
from prefgen.llm.request import Model

PLACEHOLDER = "none"
"""Sent where the SDK wants a key and the server does not."""
_ADDRESS = re.compile(
    r"https?://(?:\w[\w-]*(?:\.\w[\w-]*)*\.?|\[[0-9a-f:.]+\])(?::\d{1,5})?(?:/[!-~]*)?", re.ASCII | re.IGNORECASE
)
"""Plain addresses only: no user, no backslash, no blank; parsers disagree about the rest."""

_LOCAL_NAME = re.compile(r"[a-z][\w-]*|.+\.(?:localhost|local|internal|lan)")
"""One label that starts with a letter (a container's name; a number may be an address), or a suffix for local use."""


@dataclass(frozen=True)
class Account:
    """A provider's own address, and its variables: the address's, the keys' (the first that is set), more headers'.

    ``headers`` names those that the SDK makes of other variables (OPENAI_ORG_ID).
    """

    url: str
    url_env: str
    key_envs: tuple[str, ...]
    headers_env: str
    headers: tuple[str, ...] = ()


def address(model: Model, account: Account) -> str:
    """``base_url``, else the provider's address variable, else the provider's own address."""
    stated = model.base_url or next(iter(model.base_urls), "")
    return (stated or os.environ.get(account.url_env, "").strip() or account.url).rstrip("/")


def is_own(url: str, account: Account) -> bool:
    """Whether the provider's own key may go there."""
    return _origin(url) in {_origin(account.url), _origin(os.environ.get(account.url_env, "").strip())}


def missing_key(model: Model, account: Account) -> str | None:
    """Why this model cannot be asked, in words with the cure; None where it can. Makes no call."""
    for endpoint in model.endpoints():
        try:
            place(endpoint, account)
        except ProviderError as e:
            return str(e)
    return None


def place(model: Model, account: Account) -> Place:
    """Where to ask for this model and with which key; raises ProviderError where there is no key to ask with."""
    url = address(model, account)
    if _origin(url) is None:
        raise ProviderError(f"{model.use}: base_url {url!r} is no address; it looks like http://127.0.0.1:8000/v1")
    names = (model.api_key_env,) if model.api_key_env else account.key_envs if is_own(url, account) else ()
    name = next((n for n in names if os.environ.get(n, "").strip()), "")
    if name:
        return Place(model.use, url, name, _sendable(model, url, name))
    if model.api_key_env is None and _is_private(url):
        return Place(model.use, url, key=PLACEHOLDER)
    raise ProviderError(_no_key(model, url, names, account))


def withheld(place: Place, account: Account, omit: Any) -> dict[str, Any]:
    """Headers for an address that is not the provider's own: its key, and an ``omit`` (the SDK's mark) for each header
    that the SDK would add from the user's environment.
    """
    if is_own(place.url, account):
        return {}
    lines = os.environ.get(account.headers_env, "").split("\n")
    names = [line.partition(":")[0].strip() for line in lines if ":" in line]
    return {**dict.fromkeys([*names, *account.headers], omit), "Authorization": f"Bearer {place.key}"}


def _no_key(model: Model, url: str, names: tuple[str, ...], account: Account) -> str:
    if not names:
        only = f"{account.key_envs[0]} is sent to {urlsplit(account.url).hostname} only"
        return f"{model.use} at {url} needs a key; name its variable in api_key_env ({only})"
    return f"{model.use} needs a key in {' or '.join(names)}, which is not set"


def _sendable(model: Model, url: str, name: str) -> str:
    """The key in the variable ``name``, where it can stand in a header and the way there is private."""
    key = os.environ[name].strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ProviderError(f"{model.use}: {name} holds characters that no key has; set it again")
    if url.startswith("http:") and not _is_private(url):
        raise ProviderError(f"{model.use}: {url} would carry the key in {name} in the open; use https")
    return key


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None for what is no plain address."""
    if not _ADDRESS.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a port or an IPv6 address that cannot be
        return None
    return parts.scheme, (parts.hostname or "").rstrip("."), port or (443 if parts.scheme == "https" else 80)


def _is_private(url: str) -> bool:
    """Whether it is this machine, a private network, or a name that only a local resolver knows."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return bool(_LOCAL_NAME.fullmatch(host))
    return (ip.is_private or ip.is_loopback) and not ip.is_link_local
