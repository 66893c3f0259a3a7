"""Where a request goes, and which key goes with it. Keys come from environment variables only.

A recipe may be a stranger's, and may name any ``base_url`` and any variable in ``api_key_env``. So a key goes

- to the provider whose key it is by its variable's name (OPENAI_API_KEY to api.openai.com; ``hosts.KNOWN``),
- to this machine,
- and anywhere else only where its owner named the place: in the provider's own address variable (OPENAI_BASE_URL), with
  ``--allow-host`` or PREFGEN_ALLOW_HOSTS, or in a ``base_url`` of his own (``Model.trusted``).

Without ``api_key_env``, the provider's own address gets the provider's own key; hosts on this machine and in private
networks get a placeholder, and public ones are not asked.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from prefgen.errors import ProviderError
from prefgen.llm import hosts
from prefgen.llm.faults import Place
from prefgen.llm.hosts import is_private, origin
from prefgen.llm.request import Model

PLACEHOLDER = "none"
"""Sent where the SDK wants a key and the server does not."""
ALWAYS: Mapping[str, str] = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "prefgen",
}
"""Sent to everybody."""


@dataclass(frozen=True)
class Account:
    """A provider's own address, and its variables: the address's, the keys' (the first that is set), more headers'.

    ``headers`` names those that are made of other variables (OPENAI_ORG_ID), each with its variable; ``fixed`` those
    that the protocol wants.
    """

    url: str
    url_env: str
    key_envs: tuple[str, ...]
    headers_env: str
    headers: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)


def address(model: Model, account: Account) -> str:
    """``base_url``, else the provider's address variable, else the provider's own address."""
    stated = model.base_url or next(iter(model.base_urls), "")
    return (stated or os.environ.get(account.url_env, "").strip() or account.url).rstrip("/")


def at_home(model: Model, account: Account) -> bool:
    """Whether the model is asked at its provider's own address, and nowhere else."""
    return all(address(one, account) == account.url for one in model.endpoints())


def is_own(url: str, account: Account) -> bool:
    """Whether the provider's own key may go there."""
    return origin(url) in {origin(account.url), origin(os.environ.get(account.url_env, "").strip())}


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
    if origin(url) is None:
        raise ProviderError(_no_address(model, url))
    if wrong := _astray(model, url, account):
        raise ProviderError(wrong)
    names = _variables(model, url, account)
    name = next((n for n in names if os.environ.get(n, "").strip()), "")
    if name:
        return Place(model.use, url, name, _sendable(model, url, name))
    if model.api_key_env is None and is_private(url):
        return Place(model.use, url, key=PLACEHOLDER)
    raise ProviderError(_no_key(model, url, names, account))


def astray(model: Model, account: Account) -> str | None:
    """What is wrong on any machine: an address that is none, or one to which the key that a recipe names may not go;
    with the cure. None where nothing is.
    """
    for endpoint in model.endpoints():
        url = address(endpoint, account)
        if origin(url) is None and (endpoint.base_url or endpoint.base_urls):
            return _no_address(model, url)
        if origin(url) and (wrong := _astray(model, url, account)):
            return wrong
    return None


def _no_address(model: Model, url: str) -> str:
    return f"{model.use}: base_url {url!r} is no address; it looks like http://127.0.0.1:8000/v1"


def touches(model: Model, account: Account) -> list[str]:
    """Which hosts this model asks, and with the key of which variable. Nothing of one that cannot be asked, or that is
    this machine and gets no key.
    """
    said = []
    for endpoint in model.endpoints():
        try:
            at = place(endpoint, account)
        except ProviderError:
            continue
        with_what = f"with the key in {at.key_env}" if at.key_env else "without a key"
        said += [f"asks {hosts.shown(at.url)} {with_what}"] if at.key_env or not hosts.is_loopback(at.url) else []
    return said


def _variables(model: Model, url: str, account: Account) -> tuple[str, ...]:
    """The variables in which to look for a key: the recipe's, else those of the host's owner."""
    if model.api_key_env:
        return (model.api_key_env,)
    return account.key_envs if is_own(url, account) else hosts.variables(url)


def _astray(model: Model, url: str, account: Account) -> str:
    """What is wrong with sending the key that a recipe names to this address, if anything is."""
    name, to = model.api_key_env, hosts.shown(url)
    own = is_own(url, account) and origin(url) != origin(account.url)  # the user's own address variable
    if not name or own or hosts.is_loopback(url) or hosts.belongs(name, url):
        return ""
    if hosts.among(url, [*model.trusted, *hosts.allowed()]):
        return ""
    return f"{model.use} would send the key in {name} to {to}; if it belongs there, allow it with --allow-host {to}"


def headers(place: Place, account: Account) -> dict[str, str]:
    """All that a request to this place is sent with. What the user's environment adds goes to the provider's own
    addresses alone, and counts before what is sent without it.
    """
    sent = {**ALWAYS, **account.fixed, "Authorization": f"Bearer {place.key}"}
    if is_own(place.url, account):
        made = {name: os.environ.get(variable, "").strip() for name, variable in account.headers.items()}
        sent |= {name: value for name, value in made.items() if value}
        stated = _stated(account)
        sent = {n: value for n, value in sent.items() if n.lower() not in {name.lower() for name in stated}} | stated
    return sent


def _stated(account: Account) -> dict[str, str]:
    """The headers in the variable for them, one a line; of two of one name the last."""
    lines = [line.partition(":") for line in os.environ.get(account.headers_env, "").split("\n") if ":" in line]
    last = {name.strip().lower(): (name.strip(), value.strip()) for name, _, value in lines}
    return dict(last.values())


def withheld(place: Place, account: Account, omit: Any) -> dict[str, Any]:
    """Headers for an address that is not the provider's own: its key, and an ``omit`` (the SDK's mark) for each header
    that the SDK would add from the user's environment.
    """
    if is_own(place.url, account):
        return {}
    return {**dict.fromkeys([*_stated(account), *account.headers], omit), "Authorization": f"Bearer {place.key}"}


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
    if url.startswith("http:") and not is_private(url):
        raise ProviderError(f"{model.use}: {url} would carry the key in {name} in the open; use https")
    return key
