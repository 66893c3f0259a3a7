import subprocess
import sys

import pytest

from prefgen.errors import ProviderError
from prefgen.llm import anthropic, keys, openai
from prefgen.llm.keys import PLACEHOLDER
from prefgen.llm.request import Model

OWN = openai.ACCOUNT
KEY = "sk-own-0123456789"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for account in (openai.ACCOUNT, anthropic.ACCOUNT):
        for name in (account.url_env, account.headers_env, *account.key_envs):
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
    model = Model("openai/x", base_url="https://router.example/v1", api_key_env="ROUTER_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert openai.missing_key(model) == "openai/x needs a key in ROUTER_KEY, which is not set"
    local = Model("openai/x", base_url="http://localhost/v1", api_key_env="ROUTER_KEY")
    assert openai.missing_key(local) is not None
    monkeypatch.setenv("ROUTER_KEY", "rk-other")
    assert keys.place(model, OWN).key == "rk-other"


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
    told = openai.missing_key(Model("openai/x", base_url="http://router.example/v1", api_key_env="MY_KEY")) or ""
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
