"""Whose a host is: this machine's, a private network's, or a provider's, with the variables that hold its keys."""

import ipaddress
import os
import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

_ADDRESS = re.compile(
    r"https?://(?:\w[\w-]*(?:\.\w[\w-]*)*\.?|\[[0-9a-f:.]+\])(?::\d{1,5})?(?:/[!-~]*)?", re.ASCII | re.IGNORECASE
)
"""Plain addresses only: no user, no backslash, no blank; parsers disagree about the rest."""

_LOCAL_NAME = re.compile(r"[a-z][\w-]*|.+\.(?:localhost|local|internal|lan)")
"""One label that starts with a letter (a container's name; a number may be an address), or a suffix for local use."""

KNOWN: Mapping[str, tuple[str, ...]] = {
    "api.openai.com": ("OPENAI_API_KEY",),
    "eu.api.openai.com": ("OPENAI_API_KEY",),
    "us.api.openai.com": ("OPENAI_API_KEY",),
    "api.anthropic.com": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "api.cerebras.ai": ("CEREBRAS_API_KEY",),
    "api.cohere.ai": ("COHERE_API_KEY", "CO_API_KEY"),
    "api.deepinfra.com": ("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN", "DEEPINFRA_API_TOKEN"),
    "api.deepseek.com": ("DEEPSEEK_API_KEY",),
    "api.fireworks.ai": ("FIREWORKS_API_KEY",),
    "api.groq.com": ("GROQ_API_KEY",),
    "api.mistral.ai": ("MISTRAL_API_KEY",),
    "api.moonshot.ai": ("MOONSHOT_API_KEY",),
    "api.perplexity.ai": ("PERPLEXITY_API_KEY",),
    "api.sambanova.ai": ("SAMBANOVA_API_KEY",),
    "api.together.ai": ("TOGETHER_API_KEY",),
    "api.together.xyz": ("TOGETHER_API_KEY",),
    "api.x.ai": ("XAI_API_KEY",),
    "dashscope.aliyuncs.com": ("DASHSCOPE_API_KEY",),
    "dashscope-intl.aliyuncs.com": ("DASHSCOPE_API_KEY",),
    "generativelanguage.googleapis.com": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "integrate.api.nvidia.com": ("NVIDIA_API_KEY",),
    "openrouter.ai": ("OPENROUTER_API_KEY",),
    "router.huggingface.co": ("HF_TOKEN",),
}
"""Hosts that speak these protocols, and the variables in which their own pages keep the key (November 2026). No host is
here under whose name anybody can put a server of his own.
"""

ALLOWED = "PREFGEN_ALLOW_HOSTS"
"""The variable with which a user allows hosts once and for all: ``router.example,gpu.lan``."""

Origin = tuple[str, str, int]
"""Scheme, host and port."""


def origin(url: str) -> Origin | None:
    """Scheme, host and port; None for what is no plain address."""
    if not _ADDRESS.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a port or an IPv6 address that cannot be
        return None
    return parts.scheme, (parts.hostname or "").rstrip("."), port or (443 if parts.scheme == "https" else 80)


def shown(url: str) -> str:
    """The host as a user would name it, with a port that is not the usual one."""
    scheme, host, port = origin(url) or ("", url, 0)
    host = f"[{host}]" if ":" in host else host
    return host if (scheme, port) in {("https", 443), ("http", 80)} else f"{host}:{port}"


def variables(url: str) -> tuple[str, ...]:
    """The variables that hold the keys of a known host; none for another, or on the way there in the open."""
    scheme, host, port = origin(url) or ("", "", 0)
    return KNOWN.get(host, ()) if (scheme, port) == ("https", 443) else ()


def belongs(variable: str, url: str) -> bool:
    """Whether a variable's name says that its key is this host's: ``OPENAI_API_KEY``, or ``OPENAI_API_KEY_TEAM``."""
    return any(variable == own or variable.startswith(f"{own}_") for own in variables(url))


def among(url: str, named: Collection[str]) -> bool:
    """Whether a host is one of those that somebody named, as a host, ``host:port`` or an address."""
    _, host, port = origin(url) or ("", "", 0)
    return bool(host) and not {host, f"{host}:{port}", f"[{host}]", f"[{host}]:{port}"}.isdisjoint(map(_named, named))


def _named(text: str) -> str:
    """A host as somebody wrote it, or the host and port of an address."""
    _, host, port = origin(text.strip()) or ("", "", 0)
    return f"{host}:{port}" if host else text.strip().rstrip("./").lower()


def allowed() -> list[str]:
    """The hosts that the user's environment allows."""
    return [name for name in os.environ.get(ALLOWED, "").split(",") if name.strip()]


def is_private(url: str) -> bool:
    """Whether it is this machine, a private network, or a name that only a local resolver knows."""
    ip = _ip(url)
    if ip is None:
        return bool(_LOCAL_NAME.fullmatch(_host(url)))
    return (ip.is_private or ip.is_loopback) and not ip.is_link_local


def is_loopback(url: str) -> bool:
    """Whether it is this very machine. A name under ``.localhost`` may be answered by anybody's resolver."""
    ip = _ip(url)
    return _host(url) == "localhost" if ip is None else ip.is_loopback


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")


def _ip(url: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address itself; of one that is written as IPv6 and meant as IPv4, that one."""
    try:
        ip = ipaddress.ip_address(_host(url))
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip
