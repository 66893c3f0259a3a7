"""What a prompt file may say: enough for prompts, and nothing that grows, calls or crashes."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import nodes

from prefgen.asker import MOST, blanks, fill
from prefgen.errors import RowFailed
from prefgen.language import DEEPEST, FILTERS, MOST_TAGS, MOST_TOKENS, Refused, check
from prefgen.promptfile import PromptFileError, sections

ROOT = Path(__file__).parent.parent
ROW: dict[str, Any] = {
    "a": "x", "b": "y", "n": 3, "texts": ["one", "two"], "turns": [{"role": "user", "content": "hi"}], "of": {"k": "v"}, "none": None,
}  # fmt: skip


def file(folder: Path, text: str) -> Path:
    path = folder / "p.md"
    path.write_text(text)
    return path


SAID = [
    ("{{ a }}{{b}}", "xy"),
    ("{{- a -}} .", "x."),
    ("{{ texts[0] }}{{ texts[-1] }}{{ texts[0:1] }}", "onetwo['one']"),
    ("{{ turns }}{{ of.k }}{{ of['k'] }}", "hivv"),
    ("{% for text in texts %}{{ loop.index }}. {{ text }}{% if not loop.last %}, {% endif %}{% endfor %}", "1. one, 2. two"),
    ("{% for k, v in of | items %}{{ k }}={{ v }}{% endfor %}", "k=v"),
    ("{% for text in texts if text != 'one' %}{{ text }}{% else %}none{% endfor %}", "two"),
    ("{% if n > 2 and a == 'x' or not b %}yes{% elif n is odd %}odd{% else %}no{% endif %}", "yes"),
    ("{% if none is none and a is not none and 'o' in texts[0] and a not in texts %}y{% endif %}", "y"),
    ("{{ 'long' if n >= 3 else 'short' }}", "long"),
    ('{{ texts | join(", ") }} {{ a | upper }} {{ n | default(1) }} {{ texts | length }} {{ of | tojson }}', 'one, two X 3 2 {"k": "v"}'),
    ("{{ (n > 2) }} {{ texts | sort | first }} {% if n is divisibleby(3) %}3{% endif %}", "True one 3"),
    ("{# {{ never }} {% said %} #}{% raw %}{{ braces }} {%- x -%}{% endraw %}", "{{ braces }} {%- x -%}"),
    ("a { b } c {} }} %} #}", "a { b } c {} }} %} #}"),
    ("$x$ 100% # heading", "$x$ 100% # heading"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), SAID, ids=[text for text, _ in SAID])
def test_what_prompts_need_can_be_said(text: str, said: str, tmp_path: Path) -> None:
    assert fill(file(tmp_path, text), ROW)[0]["content"] == said


GROWS = [
    "{% set a = 1 %}", "{% set ns = namespace(a='x') %}", "{% for i in texts %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}",
    "{% macro m(a) %}{{ a }}{{ a }}{% endmacro %}{{ m(m(a)) }}", "{% call m() %}{% endcall %}", "{% filter upper %}{% endfilter %}",
    "{% include 'x' %}", "{% import 'x' as y %}", "{% from 'x' import y %}", "{% extends 'x' %}", "{% block b %}{% endblock %}",
    "{% with a = 1 %}{% endwith %}", "{% do a %}", "{% autoescape true %}{% endautoescape %}", "{% break %}", "{% continue %}",
    "{{ a ~ a }}", "{{ a * 1000000000 }}", "{{ a + a }}", "{{ 9 ** 9 }}", "{{ n - 1 }}", "{{ n -1 }}", "{{ n / 2 }}", "{{ n // 2 }}", "{{ n % 2 }}",
    "{{ [1, 2] * 9 }}", "{{ {'a': 1} }}", "{{ range(1000000000) }}", "{% for i in range(9) %}{% endfor %}", "{{ namespace() }}",
    "{{ dict(a=1) }}", "{{ lipsum(9) }}", "{{ cycler(1) }}", "{{ joiner() }}", "{{ debug() }}", "{{ a.upper() }}", "{{ a.replace('x', a) }}",
    "{{ a.__class__() }}", "{{ loop(a) }}", "{% for x in texts recursive %}{{ loop(x) }}{% endfor %}", "{{ texts[0]() }}", "{{ (a)() }}",
    "{{ 'a'() }}", "{{ a|replace('x', a) }}", "{{ a|indent(1000000000) }}", "{{ texts|batch(1000000000) }}", "{{ texts|slice(9) }}",
    "{{ a|format(1) }}", "{{ a|center(9) }}", "{{ a|wordwrap(1) }}", "{{ texts|map('upper') }}", "{{ texts|select('odd') }}",
    "{{ texts|attr('x') }}", "{{ a|safe }}", "{{ a|urlencode }}", "{{ a|pprint }}", "{{ a|truncate(9) }}", "{{ texts|groupby('x') }}",
    "{{ of|tojson(indent=1000000000) }}", "{{ texts|join(a) }}", "{{ texts|join(a.b) }}", "{{ texts|join(a|upper) }}", "{{ a|default(b) }}",
    "{{ a is sameas(b) }}", "{{ a is filter }}", "{{ a is divisibleby(n) }}", "{{ a", "{{ a }", "{% if a", "{{ {{ a }} }}", "{{{ a }}}",
    "{{ '}}' }}", "{{ 'a\\'b' }}", "{{ a; b }}", "{{ a & b }}", "{{ a ? b : c }}", "{{ a -}", "{#", "{% raw %}{{ a }}", "{% endfor %}",
    "{% if a %}", "{% for x in texts %}{% endif %}", "{% if a %}{% endfor %}", "{% %}", "{% 1 %}", "{{ \x00 }}", "{{ a\u2028b }}", "{{ `id` }}",
]  # fmt: skip


@pytest.mark.parametrize("text", GROWS)
def test_what_grows_calls_or_is_no_prompt_is_refused_with_its_line_and_a_cure(text: str, tmp_path: Path) -> None:
    path = file(tmp_path, f"# system\nBe kind.\n\n# user\n\none\n{text}")
    with pytest.raises(PromptFileError) as caught:
        sections(path)
    where, _, cure = str(caught.value).partition("; ")
    assert where.startswith(f"{path}:7: ")
    assert cure
    assert "\n" not in str(caught.value)


TOO_DEEP = {
    "not": "{{ " + "not " * 50_000 + "a }}",
    "elif": "{% if a %}" + "{% elif a %}" * 5_000 + "{% endif %}",
    "elif in if": ("{% if a %}" + "{% elif a %}" * 9) * 9 + "{% endif %}" * 9,
    "or": "{{ a " + "or a " * 50_000 + "}}",
    "filters": "{{ a" + "|trim" * 50_000 + " }}",
    "attributes": "{{ a" + ".b" * 50_000 + " }}",
    "brackets": "{{ " + "(" * 100 + "a" + ")" * 100 + " }}",
    "blocks": "{% if a %}" * 100 + "{% endif %}" * 100,
    "tags": "{{ a }}" * (MOST_TAGS + 1),
}


@pytest.mark.parametrize("text", TOO_DEEP.values(), ids=TOO_DEEP)
def test_what_would_overflow_the_engine_s_stack_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        check(text)


DEEP = """
import sys, threading
from pathlib import Path
from prefgen.asker import blanks, fill

def go():
    fill(Path(sys.argv[1]), {"a": "x"})
    print(blanks(Path(sys.argv[1])))

threading.stack_size(256 * 1024)
thread = threading.Thread(target=go)
thread.start()
thread.join()
"""


def test_what_is_as_deep_as_may_be_fits_a_small_stack(tmp_path: Path) -> None:
    longest = "{{ " + "not " * (MOST_TOKENS - 1) + "a }}"
    blocks = "{% if a %}" * DEEPEST + "{% endif %}" * DEEPEST
    brackets = "{{ " + "(" * DEEPEST + "a" + ")" * DEEPEST + " }}"
    elifs = "{% if a %}" + "{% elif a %}" * (DEEPEST - 1) + "{% endif %}"
    path = file(tmp_path, longest + blocks + brackets + elifs + "{{ a }}" * 1_900)
    done = subprocess.run(
        [sys.executable, "-c", DEEP, str(path)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (0, "frozenset({'a'})\n"), done.stderr


def test_every_prompt_file_that_comes_with_prefgen_is_of_the_language() -> None:
    files = sorted((ROOT / "prefgen").rglob("*.md"))
    assert len(files) > 20
    assert all(blanks(path) for path in files)


BIG = {
    "a big column, often": "{% for i in items %}{{ text }}{% endfor %}",
    "loops in loops": "{% for i in items %}{% for j in items %}{% for k in items %}x{% endfor %}{% endfor %}{% endfor %}",
    "every letter": "{% for c in text %}{{ text }}{% endfor %}",
    "filters": "{{ items | sort | reverse | unique | list | join(', ') }}" * 300,
}


@pytest.mark.parametrize("text", BIG.values(), ids=BIG)
def test_what_one_row_may_come_to_has_an_end(text: str, tmp_path: Path) -> None:
    row = {"text": "y" * 1_000_000, "items": list(range(20_000))}
    with pytest.raises(RowFailed, match="filled with this row, is over 16,000,000 bytes") as caught:
        fill(file(tmp_path, text), row)
    assert caught.value.reason == "prompt_too_long"


def test_sections_together_have_that_end_too(tmp_path: Path) -> None:
    path = file(tmp_path, "# user\n{{ text }}\n# assistant\n{{ text }}\n# messages: prompt\n")
    turn = {"role": "user", "content": "x" * (MOST // 2)}
    assert len(fill(path, {"text": "x" * (MOST // 4), "prompt": [turn]})) == 3
    with pytest.raises(RowFailed):
        fill(path, {"text": "x" * (MOST // 4 + 1), "prompt": [turn]})


PIECES = st.sampled_from([
    "{{", "}}", "{%", "%}", "{#", "#}", "{%-", "-%}", "{{-", "-}}", " ", "\n", "a", "loop", "x", "1", "-1", "'t'", '"', "'", "(", ")",
    "[", "]", "|", ".", ",", ":", "=", "==", "~", "*", "+", "not", "is", "in", "if", "else", "for", "endfor", "endif", "elif", "set",
    "raw", "endraw", "macro", "call", "upper", "join", "range", "defined", "and", "{% if a %}", "{% endif %}", "{{ a }}", "{% raw %}",
    "{% endraw %}", "{% for x in a %}", "{% endfor %}", "{{ a|join('x') }}", "{{ a", "{% set", "{", "}", "%", "#", "\\",
])  # fmt: skip
FORBIDDEN = (
    nodes.Call, nodes.Concat, nodes.Mul, nodes.Add, nodes.Sub, nodes.Div, nodes.Pow, nodes.Mod, nodes.Assign, nodes.AssignBlock,
    nodes.Macro, nodes.CallBlock, nodes.FilterBlock, nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block,
    nodes.With, nodes.Dict, nodes.Keyword, nodes.ScopedEvalContextModifier,
)  # fmt: skip


@settings(max_examples=1_500, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=20))
def test_a_real_parser_finds_nothing_more_in_what_is_let_through(text: str) -> None:
    """Where this module and Jinja's own parser disagreed about where a tag ends, something could slip through."""
    try:
        check(text)
        tree = jinja2.Environment().parse(text)  # parsed alone
    except (Refused, jinja2.TemplateSyntaxError):
        return
    assert not [*tree.find_all(FORBIDDEN)]
    assert {one.name for one in tree.find_all(nodes.Filter)} <= FILTERS


@given(st.text(max_size=200))
def test_what_a_row_holds_is_text_and_never_filled_again(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "row.md"
    path.write_text("{{ text }}{% for t in texts %}{{ t }}{% endfor %}")
    hostile = f"{text}{{{{ secret }}}}{{% for i in range(9) %}}{{# {text} #}}"
    assert fill(path, {"text": hostile, "texts": [hostile]})[0]["content"] == hostile * 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x" * 1_000_001, ": is over 1,000,000 bytes; a prompt is a page"),
        (b"caf\xe9", ": is not UTF-8 (byte 3); save it as UTF-8 text"),
    ],
)
def test_a_file_that_is_no_prompt_is_told(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "p.md"
    path.write_bytes(content)
    with pytest.raises(PromptFileError) as caught:
        sections(path)
    assert str(caught.value) == f"{path}{said}"


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(PromptFileError, match="is no file; name a text file"):
            sections(path)


def test_a_file_of_very_many_sections_is_read_in_one_pass(tmp_path: Path) -> None:
    """Lines were counted from the beginning for each: 8 s for 800 kB."""
    (tmp_path / "many.md").write_text("# user\na\n\n" * 80_000)
    began = time.process_time()
    found = sections(tmp_path / "many.md")
    assert [section.line for section in found[:3]] == [2, 5, 8]
    assert time.process_time() - began < 3
