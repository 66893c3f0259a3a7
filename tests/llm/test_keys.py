import subprocess
import sys
from dataclasses import replace

import pytest

from prefgen.errors import ProviderError
from prefgen.llm import anthropic, hosts, keys, openai
from prefgen.llm.keys import PLACEHOLDER
from prefgen.llm.request import Model

OWN, OTHER = openai.ACCOUNT, anthropic.ACCOUNT
KEY = "sk-own-0123456789"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for account in (openai.ACCOUNT, anthropic.ACCOUNT):
        for name in (hosts.ALLOWED, account.url_env, account.headers_env, *account.key_envs):
            monkeypatch.delenv(name, raising=False)


def test_a_missing_key_names_its_variable() -> None:
    told = openai.missing_key(Model("openai/gpt-4.1-mini"))
    assert told == "openai/gpt-4.1-mini needs a key in OPENAI_API_KEY, which is not set"
    told = anthropic.missing_key(Model("anthropic/claude"))
    assert told == "anthropic/claude needs a key in ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN, which is not set"


def test_a_key_that_is_set_goes_to_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token")
    assert openai.missing_key(Model("openai/x")) is None
    assert anthropic.missing_key(Model("anthropic/x")) is None
    assert keys.place(Model("openai/x"), OWN).key == KEY
    assert keys.place(Model("openai/x", base_url="https://api.openai.com/v1/"), OWN).key == KEY
    assert keys.place(Model("anthropic/x"), anthropic.ACCOUNT).key_env == "ANTHROPIC_AUTH_TOKEN"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1",
        "http://api.openai.com/v1",
        "https://api.openai.com.evil.example/v1",
        "https://api.openai.com:8443/v1",
        "https://8.8.8.8/v1",
        "https://2130706433/v1",
        "http://169.254.169.254/v1",
        "http://[::ffff:8.8.8.8]/v1",
        "http://[::ffff:169.254.169.254]/v1",
    ],
)
def test_the_providers_key_goes_to_nobody_else(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    told = openai.missing_key(Model("openai/x", base_url=url)) or ""
    assert "api_key_env" in told
    assert "OPENAI_API_KEY is sent to api.openai.com only" in told
    assert KEY not in told


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1",
        "http://localhost:8000/v1",
        "http://[::1]:8000/v1",
        "http://10.1.2.3/v1",
        "https://vllm:8000/v1",
        "http://gpu_node-1/v1",
        "http://box.local/v1",
        "http://[::ffff:10.1.2.3]/v1",
    ],
)
def test_private_hosts_get_a_placeholder(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert openai.missing_key(Model("openai/x", base_url=url)) is None
    assert keys.place(Model("openai/x", base_url=url), OWN).key == PLACEHOLDER


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000/v1",
        "ftp://localhost/v1",
        "https://api.openai.com@evil.example/v1",
        "https://evil.example\\@api.openai.com/v1",
        "https://a b/v1",
        "http://localhost:99999/v1",
        "http://[:::]/v1",
        "http://a..b/v1",
        "https://\u0430pi.openai.com/v1",
    ],
)
def test_what_is_no_plain_address_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert "is no address" in (openai.missing_key(Model("openai/x", base_url=url)) or "")


def test_a_named_variable_is_the_only_one_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(
        "openai/x",
        base_url="https://router.example/v1",
        api_key_env="ROUTER_KEY",
        trusted=frozenset({"router.example"}),
    )
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert openai.missing_key(model) == "openai/x needs a key in ROUTER_KEY, which is not set"
    local = Model("openai/x", base_url="http://localhost/v1", api_key_env="ROUTER_KEY")
    assert openai.missing_key(local) is not None
    monkeypatch.setenv("ROUTER_KEY", "rk-other")
    assert keys.place(model, OWN).key == "rk-other"


# --- a key that a recipe names --------------------------------------------------------------

ASTRAY = [
    ("https://evil.example/v1", "OPENAI_API_KEY", "evil.example"),
    ("https://evil.example:8443/v1", "ROUTER_KEY", "evil.example:8443"),
    ("https://api.openai.com.evil.example/v1", "OPENAI_API_KEY", "api.openai.com.evil.example"),
    ("https://openrouter.ai.evil.example/v1", "OPENROUTER_API_KEY", "openrouter.ai.evil.example"),
    ("https://openrouter.ai:8443/v1", "OPENROUTER_API_KEY", "openrouter.ai:8443"),
    ("http://openrouter.ai/v1", "OPENROUTER_API_KEY", "openrouter.ai"),
    ("https://openrouter.ai/api/v1", "OPENAI_API_KEY", "openrouter.ai"),
    ("https://api.openai.com/v1", "AWS_SECRET_ACCESS_KEY", "api.openai.com"),
    ("https://api.openai.com/v1", "OPENAI_API_KEYS", "api.openai.com"),
    ("", "AWS_SECRET_ACCESS_KEY", "api.openai.com"),
    ("http://10.1.2.3/v1", "ROUTER_KEY", "10.1.2.3"),
    ("http://gpu.local:8000/v1", "ROUTER_KEY", "gpu.local:8000"),
    ("http://vllm/v1", "ROUTER_KEY", "vllm"),
    ("http://evil.localhost/v1", "ROUTER_KEY", "evil.localhost"),
    ("http://0.0.0.0:8000/v1", "ROUTER_KEY", "0.0.0.0:8000"),
    ("http://[::ffff:10.1.2.3]:8000/v1", "ROUTER_KEY", "[::ffff:10.1.2.3]:8000"),
]


@pytest.mark.parametrize(("url", "name", "host"), ASTRAY, ids=[f"{url} {name}" for url, name, _ in ASTRAY])
def test_a_key_goes_where_its_owner_named_the_place_alone(
    url: str, name: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model("openai/x", base_url=url or None, api_key_env=name)
    monkeypatch.setenv(name, KEY)
    told = f"openai/x would send the key in {name} to {host}; if it belongs there, allow it with --allow-host {host}"
    assert keys.astray(model, OWN) == openai.missing_key(model) == told
    assert keys.touches(model, OWN) == []
    with pytest.raises(ProviderError, match="would send the key"):
        keys.place(model, OWN)
    unset = replace(model, api_key_env="NOT_SET_AT_ALL")
    assert "would send the key in NOT_SET_AT_ALL" in (keys.astray(unset, OWN) or ""), "set or not"
    assert keys.astray(replace(model, trusted=frozenset({host})), OWN) is None
    monkeypatch.setenv(hosts.ALLOWED, f"other.example, {host.upper()}.")
    assert keys.astray(model, OWN) is None


BELONGS = [
    ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    ("https://api.openai.com/v1", "OPENAI_API_KEY_TEAM"),
    ("https://eu.api.openai.com/v1", "OPENAI_API_KEY"),
    ("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    ("https://router.huggingface.co/v1", "HF_TOKEN"),
    ("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    ("http://127.0.0.1:8000/v1", "OPENAI_API_KEY"),
    ("http://127.8.9.1/v1", "ROUTER_KEY"),
    ("http://localhost.:8000/v1", "ROUTER_KEY"),
    ("http://[::1]:8000/v1", "ROUTER_KEY"),
    ("http://[::ffff:127.0.0.1]:8000/v1", "ROUTER_KEY"),
]


@pytest.mark.parametrize(("url", "name"), BELONGS, ids=" ".join)
def test_a_key_goes_to_its_provider_and_to_this_machine(url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, KEY)
    assert keys.place(Model("openai/x", base_url=url, api_key_env=name), OWN).key == KEY
    (said,) = keys.touches(Model("openai/x", base_url=url, api_key_env=name), OWN)
    assert said == f"asks {hosts.shown(url)} with the key in {name}"


def test_a_known_host_s_own_variable_need_not_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model("openai/x", base_url="https://api.groq.com/openai/v1")
    assert openai.missing_key(model) == "openai/x needs a key in GROQ_API_KEY, which is not set"
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    assert keys.place(model, OWN).key == KEY


def test_the_user_s_own_address_variable_names_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANY_KEY", KEY)
    model = Model("openai/x", api_key_env="COMPANY_KEY")
    assert "api.openai.com" in (keys.astray(model, OWN) or "")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://proxy.example/v1")
    assert keys.place(model, OWN).key == KEY
    assert keys.astray(replace(model, base_url="https://proxy.example:444/v1"), OWN)
    assert keys.astray(Model("anthropic/x", base_url="https://proxy.example/v1", api_key_env="COMPANY_KEY"), OTHER)


def test_every_address_of_several_is_looked_at() -> None:
    urls = ("http://127.0.0.1:1/v1", "https://evil.example/v1")
    assert "evil.example" in (keys.astray(Model("openai/x", base_urls=urls, api_key_env="OPENAI_API_KEY"), OWN) or "")


def test_a_host_may_be_named_in_any_way_that_means_it() -> None:
    url = "https://router.example:8443/v1"
    for named in ("router.example", "Router.Example.", "router.example:8443", "https://router.example:8443/other"):
        assert hosts.among(url, [named])
    for named in ("example", "router.example:443", "https://router.example/v1", "x.router.example", "", "*"):
        assert not hosts.among(url, [named])
    assert hosts.among("http://[::2]:80/v1", ["[::2]"])
    assert hosts.among("http://[::2]:80/v1", ["::2"])


def test_what_is_reached_is_told_without_a_key_too_unless_it_is_this_machine() -> None:
    told = [
        keys.touches(Model("openai/x", base_url=f"http://{host}/v1"), OWN) for host in ("vllm:8000", "localhost:8000")
    ]
    assert told == [["asks vllm:8000 without a key"], []]


def test_the_address_variable_counts_as_the_providers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://proxy.example/openai/v1/")
    assert openai.missing_key(Model("openai/x")) is not None
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    place = keys.place(Model("openai/x"), OWN)
    assert (place.url, place.key) == ("https://proxy.example/openai/v1", KEY)
    assert openai.missing_key(Model("openai/x", base_url="https://other.example/v1")) is not None


def test_a_local_address_variable_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8080/v1")
    assert keys.place(Model("openai/x"), OWN).key == PLACEHOLDER


def test_a_key_is_not_carried_in_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    here = frozenset({"router.example"})
    told = openai.missing_key(
        Model("openai/x", base_url="http://router.example/v1", api_key_env="MY_KEY", trusted=here)
    )
    assert told
    assert "use https" in told
    assert KEY not in told


def test_a_key_that_no_header_may_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a\nb")
    with pytest.raises(ProviderError, match="OPENAI_API_KEY holds characters that no key has"):
        keys.place(Model("openai/x"), OWN)


def test_planning_loads_no_sdk() -> None:
    code = """
import sys
from prefgen.llm import anthropic, openai
from prefgen.llm.request import Model
openai.missing_key(Model("openai/x")), anthropic.missing_key(Model("anthropic/x"))
print(*({"openai", "anthropic", "httpx2", "pydantic"} & set(sys.modules)))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (found.stdout.strip(), found.stderr) == ("", "")
