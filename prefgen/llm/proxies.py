"""The proxy that the user's environment names for an address: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, and NO_PROXY, which
names hosts that are asked without one (``.lan``, ``10.0.0.0/8``, ``host:port``, ``*``); on macOS and Windows the
system's settings count too.
"""

import ipaddress
import os
import sys
from urllib.parse import urlsplit

from prefgen.errors import ProviderError


def proxy_for(url: str) -> str | None:
    """The proxy's address, with a name and a password where it has some; None for the straight way. Raises
    ProviderError for one that is not spoken to from here.
    """
    if sys.platform == "linux" and not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass

    parts, named = urlsplit(url), getproxies()
    found = named.get(parts.scheme) or named.get("all")
    if not found or proxy_bypass(parts.netloc) or _is_near(parts.hostname or "", named.get("no", "")):
        return None
    found = found if "://" in found else f"http://{found}"
    if not _is_http(found):
        raise ProviderError(f"{url}: its proxy is none of HTTP; set HTTPS_PROXY to http://HOST:PORT, or NO_PROXY")
    return found


def _is_http(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, half an address in brackets
        return False


def _is_near(host: str, listed: str) -> bool:
    """Whether an address is in one of the networks that are listed."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    for name in listed.split(","):
        try:
            if ip in ipaddress.ip_network(name.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False
