"""Hostile text in every place where a run takes text: it is refused in words, or stays text wherever it goes."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml  # type: ignore[import-untyped]
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console

from prefgen import Recipe, display, load, run
from prefgen.card import card
from prefgen.card.licences import LICENCES
from prefgen.card.pictures import Picture
from prefgen.card.rows import CHARACTERS
from prefgen.card.trainers import TRAINERS
from prefgen.errors import RecipeError
from prefgen.recipe import dump
from prefgen.rounds import Count
from prefgen.run import Run
from tests.card.test_front import KEYS
from tests.commands import Said, commanded
from tests.hostile import HALVES, STEERS, STRINGS
from tests.servers import OpenAIServer, Response, chat

HEADINGS = {
    "Configs", "Splits", "Pictures", "How to load it", "Rows to read", "What became of every row", "Judges", "Lengths", "Canaries", "Authors", "Models", "Cost",
    "The recipe", "Known limits", "Columns", "Terms", "preferences", "preferences_text", "judgments", "responses", *(one[0] for one in TRAINERS),
}  # fmt: skip
PICTURES = {f"pictures/{name}.png" for name in ("funnel", "scores", "lengths", "positions")}


# --- the card -------------------------------------------------------------------------------


def parsed(text: str) -> tuple[dict[str, Any], list[Token]]:
    """A card's front matter, and all tokens of the rest, those of lines among them."""
    start, front, rest = text.split("---\n", 2)
    assert start == ""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(rest)
    return yaml.safe_load(front), [one for token in tokens for one in (token, *(token.children or []))]


def is_plain(tokens: list[Token], name: str) -> None:
    """Whether a card has no link, picture, HTML, heading, list, quote or rule but its own."""
    kinds = {token.type for token in tokens}
    assert not kinds & {
        "html_block",
        "html_inline",
        "ordered_list_open",
        "blockquote_open",
        "hr",
        "code_block",
        "s_open",
    }
    links = [token.attrs["href"] for token in tokens if token.type == "link_open"]
    assert all(re.fullmatch(r"https://arxiv\.org/abs/\d{4}\.\d{4,5}(v\d+)?", str(link)) for link in links)
    assert {str(token.attrs["src"]) for token in tokens if token.type == "image"} <= PICTURES
    lists = [i for i, token in enumerate(tokens) if token.type == "bullet_list_open"]
    assert [tokens[i - 2].content for i in lists] == ["Known limits"] * len(lists)
    assert len(lists) < 2
    headings = {tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"}
    assert headings <= {*HEADINGS, name.replace("_", "\\_")}
    texts = [token.content for token in tokens if token.type == "text"]
    assert not [text for text in texts if "://" in text or "www." in text.lower() or "@" in text]
    assert not [text for text in texts if STEERS.search(text)]
    codes = [token.info for token in tokens if token.type == "fence"]
    assert codes[0] == "python"
    assert set(codes) == {"python", "bash", "json", "yaml"}


def has_whole_rows(text: str) -> None:
    """Whether each row of each table has as many cells as its head, both for readers to whom a bar is escaped by any
    backslash before it (markdown-it) and for those to whom two backslashes escape one another (GitHub's).
    """
    wanted = 0
    for line in re.sub(r"^(`{3,})\w*\n.*?\n\1$", "", text, flags=re.MULTILINE | re.DOTALL).split("\n"):
        one, other = (len(re.findall(bar, line)) for bar in (r"(?<!\\)\|", r"(?:^|[^\\])(?:\\\\)*\|"))
        wanted = one if not wanted and line.startswith("|") else wanted if line.startswith("|") else 0
        assert one == other == wanted or not line.startswith("|"), line


FUNNEL: dict[str, Any] = {"rows_in": 3, "rows_out": 2, "unreadable": {}, "failed": {}}


@pytest.mark.parametrize("text", STRINGS, ids=range(len(STRINGS)))
def test_a_card_holds_everybody_s_words_as_words(text: str) -> None:
    step = {"table": text, "verb": text, "dropped": {text: 1}, **FUNNEL, "failed": {text: 2}}
    share = {"value": 0.5, "low": 0.1, "high": 0.4, "n": 3}
    elo = {"value": 1, "low": 0, "high": 2}
    judges = {
        text: {
            "judges": {text: {"judgments": 3, "flips": share, "agrees_with_gold": share, "first_shown": share}},
            "alpha": share,
            "fleiss_kappa": 0.1,
            "kappas": {f"{text} | {text}": 0.2},
        }
    }
    authors = [{"model": text, "chosen": 1, "rejected": 2, "share": share, "elo": elo}]
    models = {text: {"use": [text, f"openai/{text}"], "temperature": 0.5}}
    recipe = Recipe(name="mine", steps={}, models=models, paper=text, about=text, license=text, language=[text])
    bill = {"replies": 3, "prompt_tokens": 4, "completion_tokens": 5, "dollars": 0.1, "unpriced": 1}
    row = {"chosen": [{"role": "user", "content": text}], "rejected": [{"role": text, "content": text}]}
    shown = card(
        recipe, f"recipe: mine\nabout: |\n  {text}\n", {"preferences": {"train": 3}}, [{**step, "drawn": 9}], judges, authors,
        costs={"steps": [{"table": text, **bill}], "total": bill}, pictures=[Picture("funnel", "rows", b"")],
        pairs={"pairs": 3, "chosen_characters": 1.0, "rejected_characters": 2.0, "longer": {**share, "low": 0.6}},
        examples={"preferences": [row, row]},
        splits={"prompts": {"train": 2}, "left_out": {"prompts": 1, "rows": {}, "why": text}, "empty": {}},
    )  # fmt: skip
    front, tokens = parsed(shown)
    is_plain(tokens, "mine")
    has_whole_rows(shown)
    assert front.get("license", "mit") in LICENCES
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", front.get("license_name", "mit"), re.ASCII)
    assert all(re.fullmatch(r"[a-z]{2,3}|code|multilingual", code) for code in front.get("language", []))
    assert front["pretty_name"] == "mine"
    assert set(front) <= KEYS
    shown_rows = [token.content for token in tokens if token.type == "fence" and token.info == "json"][-2:]
    assert not [one for one in shown_rows if STEERS.search(one)]
    assert len(text) > CHARACTERS or [json.loads(one) for one in shown_rows] == [row, row]
    (code,) = [token.content for token in tokens if token.type == "fence" and "recipe: mine" in token.content]
    if not STEERS.search(text) and "\t" not in text:
        assert text.strip() in code


# --- the console ----------------------------------------------------------------------------


@pytest.mark.parametrize("text", [*STRINGS, *HALVES], ids=range(len(STRINGS) + len(HALVES)))
def test_a_summary_shows_rows_reasons_and_models_as_words(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    talk = [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
    lost = Count(rows_in=1)
    lost.dropped[text] = lost.unreadable[text] = lost.failed[text] = 1
    result = {"kind": "overall", "name": text, "score": 1.0, "rows": 1, "judge_model": text, "note": text, "mode": text}
    result |= dict.fromkeys(("low", "high", "unreadable", "disagreement"))
    done = Run(Path("out") / text.replace("\0", ""), {text: lost}, {text: {text: 1}})
    display.summary(
        done,
        [{"chosen": talk, "rejected": talk}],
        Console(highlight=False, soft_wrap=True, width=300),
        results=[result],
    )
    assert not STEERS.search(capsys.readouterr().out)


# --- whole runs -----------------------------------------------------------------------------

VERBS = """
import polars as pl
from prefgen.rows import filters

@filters
def gone(*, why: str = "", texts: int = 0) -> pl.Expr:
    "Drops a row for any reason that one gives."
    return pl.when(pl.col("id").str.ends_with("0")).then(pl.lit(why))
"""


def answering(texts: list[str]) -> Any:
    """A server's answers: of each prompt the next hostile text, and scores that differ; it calls itself names, too."""

    def answer(body: Mapping[str, Any]) -> Any:
        asked, n = body["messages"][-1]["content"], body.get("n") or 1
        number = sum(map(ord, asked)) + int(body.get("seed") or 0)
        text = texts[number % len(texts)]
        if scored := re.search(r"Score \w{4}(?=: <total points>)", asked):
            return Response({**chat([f"{text}\n\n{scored[0]}: {number % 5}"] * n, dict(body)), "model": text})
        if number % 17 == 0:
            return Response({"error": {"message": text, "code": text, "type": text}}, 400, {"x-words": "x"})
        return Response({**chat([f"so {text} it is {i}" for i in range(n)], dict(body)), "model": text})

    return answer


WHOLE = """
about: {text}
paper: {text}
license: {text}
language: [{text}]
models: {{it: {{use: {use}, base_url: "{url}", max_tokens: 90}}}}
steps:
  prompts: {{load: prompts.jsonl, keep: [note]}}
  responses: {{answer: prompts, model: it, n: 3}}
  kept: {{my_verbs.py:gone: responses, why: {text}}}
  scored: {{score: kept, model: it}}
  pairs: {{best_worst: scored}}
write: {{preferences: pairs, judgments: scored, responses: scored}}
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Said]]]:
    """One run with every text as a prompt, a reply, the provider's name and a provider's error; and its commands."""
    home = tmp_path_factory.mktemp("whole")
    rows = [{"prompt": f"why {text}?", "note": text} for text in [*STRINGS, *HALVES]]
    (home / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (home / "my_verbs.py").write_text(VERBS)
    with OpenAIServer(answering([*STRINGS, *HALVES])) as server:
        text = json.dumps("<img src=x> \u202e [a](https://evil.example) | `` ` \x1b[2J")
        (home / "r.yaml").write_text(
            WHOLE.format(text=text, use=json.dumps(f"openai/{json.loads(text)}"), url=server.base_url)
        )
        allow = ["--allow-code", "my_verbs.py:gone"]
        words = [
            ["plan", "r.yaml", *allow],
            ["run", "r.yaml", "--quiet", *allow],
            ["run", "r.yaml", "--json", "-q", *allow],
        ]
        words += [["verify", "runs/r"], ["recipes"], ["verbs"], ["verbs", "show", "compare"], ["run", "r.yaml"]]
        yield home, commanded([(home, line) for line in words])


def test_a_whole_run_of_hostile_texts_shows_nothing_that_steers(ran: tuple[Path, list[Said]]) -> None:
    codes = [code for code, *_ in ran[1]]
    assert codes == [0, 5, 5, 0, 0, 0, 0, 2]
    for _, *said in ran[1]:
        assert any(said)
        assert not [one for one in said if STEERS.search(one)]


def test_tables_hold_hostile_texts_unchanged(ran: tuple[Path, list[Said]]) -> None:
    tables = ran[0] / "runs" / "r" / "tables"
    sound = [text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") for text in [*STRINGS, *HALVES]]
    prompts = pl.read_parquet(tables / "prompts.parquet")
    assert prompts["note"].to_list() == list(dict.fromkeys(sound)), "one prompt for texts that come to the same"
    assert [talk[0]["content"] for talk in prompts["prompt"]] == [f"why {text}?" for text in dict.fromkeys(sound)]
    responses = set(pl.read_parquet(tables / "responses.parquet")["response"])
    expected = {f"so {text} it is {i}" for text in sound for i in range(3)}
    assert responses <= expected
    assert len(responses) > 100
    lost = pl.read_parquet(tables / "kept.dropped.parquet")
    assert set(lost["dropped"]) == {"<img src=x> \u202e [a](https://evil.example) | `` ` \x1b[2J"}


def test_the_dataset_and_its_card_hold_them_as_text(ran: tuple[Path, list[Said]]) -> None:
    import datasets

    folder = ran[0] / "runs" / "r" / "dataset"
    front, tokens = parsed((folder / "README.md").read_text(encoding="utf-8"))
    is_plain(tokens, "r")
    assert {one["config_name"] for one in front["configs"]} == {
        "preferences",
        "preferences_text",
        "judgments",
        "responses",
    }
    rows = datasets.load_dataset(str(folder), "preferences", split="train", cache_dir=str(ran[0] / "cache"))
    assert len(rows) > 50
    assert all(row["chosen"][0]["content"].startswith("why ") for row in rows)


def test_run_json_and_the_journal_are_whole(ran: tuple[Path, list[Said]]) -> None:
    about = json.loads((ran[0] / "runs" / "r" / "run.json").read_text(encoding="utf-8"))
    assert about["status"] == "finished"
    assert json.loads(ran[1][2][1]) == about
    assert about["models"]["it"][0].keys() >= {"use", "base_url", "max_tokens"}


# --- recipes, field by field ----------------------------------------------------------------

FIELDS = (
    "name",
    "about",
    "table",
    "model",
    "verb",
    "setting",
    "column",
    "file",
    "use",
    "config",
    "preset",
    "base_url",
    "stop",
    "template",
)


def with_field(field: str, text: str) -> str:
    """A recipe with a text in one place."""
    said = json.dumps(text)
    parts = {"name": '"r"', "about": '"x"', "table": "kept", "model": "it", "verb": "max_length", "setting": "most", "column": '"prompt"',
             "file": '"prompts.jsonl"', "use": '"fake/it"', "config": "responses", "preset": "p", "base_url": '"http://127.0.0.1:9"',
             "stop": "null", "template": "null"}  # fmt: skip
    parts[field] = said
    return """recipe: {name}
about: {about}
models: {{? {model} : {{use: {use}, base_url: {base_url}}}}}
presets: {{? {preset} : {{}}}}
steps:
  prompts: {{load: {file}, prompt: {column}}}
  responses: {{answer: prompts, model: it, stop: {stop}, template: {template}}}
  ? {table}
  : {{? {verb} : responses, ? {setting} : 9}}
write: {{? {config} : responses}}
""".format(**parts)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Said]:
    """What `prefgen plan` says of a recipe with each text in each third place."""
    home = tmp_path_factory.mktemp("fields")
    texts = [*STRINGS, *HALVES]
    cases = [(field, text) for i, field in enumerate(FIELDS) for j, text in enumerate(texts) if (i + j) % 3 == 0]
    words = []
    for n, (field, text) in enumerate(cases):
        folder = home / f"{n}"
        folder.mkdir()
        (folder / "prompts.jsonl").write_text('{"prompt": "why?"}\n')
        (folder / "r.yaml").write_text(with_field(field, text), encoding="utf-8", errors="surrogatepass")
        words.append((folder, ["plan", "r.yaml"]))
    return dict(zip(cases, commanded(words, HF_HUB_OFFLINE="1"), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("field", FIELDS)
def test_a_recipe_with_a_hostile_field_is_planned_or_refused_in_clean_lines(
    field: str, planned: dict[tuple[str, str], Said]
) -> None:
    for text, (code, out, said) in [(text, found) for (of, text), found in planned.items() if of == field]:
        assert code in {0, 2}, (text, said)
        assert not STEERS.search(said + out), text
        if code:
            assert all(line.startswith(("error: ", "note: ")) for line in said.splitlines()), (text, said)
            assert 0 < len(said.splitlines()) < 5


def test_a_recipe_of_python_with_hostile_words_is_dumped_and_read_again(tmp_path: Path) -> None:
    for text in STRINGS:
        recipe = Recipe(name="r", steps={}, about=text, paper=text, license=text)
        (tmp_path / "r.yaml").write_text(f"{dump(recipe)}\nsteps: {{prompts: {{load: p.jsonl}}}}\n", encoding="utf-8")
        again = load(tmp_path / "r.yaml")
        assert (again.about, again.paper, again.license) == (text, text, text)


@pytest.mark.parametrize("text", [text for text in STRINGS if text.strip()][:40])
def test_what_a_provider_says_of_a_refused_key_is_told_in_one_clean_line(text: str, tmp_path: Path) -> None:
    refusal = Response({"error": {"message": f"no: {text}", "code": text}}, 401)
    with OpenAIServer(lambda _: refusal) as server:
        steps = load_steps(tmp_path, server.base_url)
        with pytest.raises(Exception, match=r"may not|was refused") as caught:
            run(steps, tmp_path / "run")
    assert not STEERS.search(str(caught.value))
    assert len(str(caught.value).splitlines()) == 1


def load_steps(folder: Path, url: str) -> Recipe:
    (folder / "prompts.jsonl").write_text('{"prompt": "why?"}\n')
    text = f'models: {{it: {{use: openai/m, base_url: "{url}"}}}}\nsteps:\n  prompts: {{load: prompts.jsonl}}\n  responses: {{answer: prompts, model: it}}\n'
    (folder / "r.yaml").write_text(text)
    return load(folder / "r.yaml")


# --- names ----------------------------------------------------------------------------------

NAMES = [
    "..", ".", "...", "../x", "../../x", "a/../b", "a/b", "/etc", "/etc/passwd", "a\\b", "..\\x", "C:", "C:\\x", "\\\\host\\x", "~", "~/x", "$HOME", "%TEMP%", "a\0b", "a\nb",
    "a b", " a", "a ", "a.", ".a", "-a", "--out", "CON", "con", "NUL", "nul.txt", "PRN", "AUX", "COM1", "com9.x", "LPT1", "COM\u00b9", "a:b", "a*b", "a?b", 'a"b', "a<b", "a>b", "a|b",
    "x" * 101, "x" * 300, "\u00e9" * 110, "\u4e00" * 90, "\uff0e\uff0e", "\u2024\u2024", "\u2025", "\u202e", "\u200b", "e\u0301", "a\u2215b", "a\u2044b", "\U0001f600", "", "a\tb", "a;b", "`id`", "$(id)", "a&b", "a'b",
]  # fmt: skip
FINE = ["a", "A9", "a-b", "a_b", "\u00e9", "\u4e00\u4e8c", "x" * 96, "COM", "CONSOLE", "nulls"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_that_leads_out_of_its_folder_names_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "why?"}\n')
    said, fine = json.dumps(name, ensure_ascii=False), name == ""
    texts = {
        "recipe": f"recipe: {said}\nsteps: {{prompts: {{load: prompts.jsonl}}}}\n",
        "table": f"steps: {{prompts: {{load: prompts.jsonl}}, ? {said} : {{select: prompts, by: id}}}}\n",
        "config": f"steps: {{prompts: {{load: prompts.jsonl}}}}\nwrite: {{? {said} : prompts}}\n",
    }
    for what, text in texts.items():
        if what == "recipe" and fine:
            continue  # no name at all: the file's own
        (tmp_path / "r.yaml").write_text(text)
        before = [*tmp_path.parent.iterdir(), *tmp_path.rglob("*")]
        with pytest.raises(RecipeError) as caught:
            run(load(tmp_path / "r.yaml"), tmp_path / "out")
        assert [*tmp_path.parent.iterdir(), *tmp_path.rglob("*")] == before
        assert any(words in str(caught.value) for words in ("cannot name a", "no dataset"))
    with pytest.raises(RecipeError, match="cannot name a"):
        run(Recipe(name=name, steps=load_steps(tmp_path, "http://127.0.0.1:9").steps))


@pytest.mark.parametrize("name", FINE)
def test_a_name_that_names_a_folder_does(name: str, tmp_path: Path) -> None:
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "why?"}\n')
    (tmp_path / "r.yaml").write_text(
        f"recipe: {json.dumps(name)}\nsteps: {{? {json.dumps(name)} : {{load: prompts.jsonl}}}}\n"
    )
    done = run(load(tmp_path / "r.yaml"), tmp_path / "out" / name)
    assert done.table(name).height == 1
