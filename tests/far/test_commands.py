"""`prefgen run --shard`, `prefgen merge` and `--engine` as a person meets them."""

import os
from pathlib import Path

from tests.commands import Said, commanded
from tests.far.five import digest
from tests.servers import OpenAIServer
from tests.spoken import spoken

RECIPE = """\
recipe: small
models: {{m: {{use: openai/gpt-4.1-mini, base_url: '{url}'}}}}
steps:
  prompts: {{load: prompts.jsonl}}
  responses: {{answer: prompts, model: m, n: 2}}
  scored: {{score: responses, model: m}}
  polite: {{"mine.py:polite": scored}}
write: {{responses: responses}}
"""
MINE = """\
from prefgen.rows import by_prompt

@by_prompt
def polite(rows):
    return rows
"""
ALLOW = ("--allow-code", "mine.py:polite")


def said(folder: Path, *lines: str) -> list[Said]:
    """What came of commands with the recipe that lies in a folder, and a verb of one's own beside it."""
    (folder / "prompts.jsonl").write_text("".join(f'{{"prompt": "why {n}?"}}\n' for n in range(20)))
    (folder / "mine.py").write_text(MINE)
    with OpenAIServer(spoken) as server:
        (folder / "small.yaml").write_text(RECIPE.format(url=server.base_url))
        words = [line.split() for line in lines]
        return commanded(
            [(folder, [w[0], "small.yaml", *w[1:], *ALLOW]) for w in words], TMPDIR=os.environ.get("TMPDIR", "/tmp")
        )


def test_slices_and_their_merge(tmp_path: Path) -> None:
    found = said(
        tmp_path,
        "merge",
        "run --shard 1/2",
        "merge",
        "run --shard 0/2",
        "merge --out merged --storage runs/small/ranges",
        "run --quiet --out alone",
        "run --shard 0/2",
    )
    codes, outs, told = zip(*found, strict=True)
    assert codes == (1, 0, 1, 0, 0, 0, 0)
    assert "prompts: 20 of 20 ranges are missing in " in told[0]
    assert "shard 1/2: 10 ranges made, 0 were there; 20 calls" in outs[1]
    assert "when all shards are done, `prefgen merge small.yaml` makes the dataset" in outs[1]
    assert "ranges (of the shards 0/2); run what is missing again, or merge with --rest" in told[2]
    assert "merged/dataset: responses 40" in outs[4]
    assert "shard 0/2: 0 ranges made, 10 were there; 0 calls" in outs[6]
    assert digest(tmp_path / "merged" / "dataset") == digest(tmp_path / "alone" / "dataset")
    assert digest(tmp_path / "merged" / "tables") == digest(tmp_path / "alone" / "tables")


def test_options_that_do_not_go_together_are_told(tmp_path: Path) -> None:
    lines = {
        "run --workers 2": "--workers says how Ray works; say --engine ray as well",
        "run --storage x": "--storage says how Ray works; say --engine ray as well, or --shard",
        "run --engine ray --batch": "say --batch or --engine ray, not both",
        "run --shard 0/2 --engine ray": "leave out --engine; `prefgen merge` makes the dataset",
        "run --shard 0/2 --push me/x": "leave out --push; `prefgen merge` makes the dataset",
        "run --shard 2/2": "'2/2' is no slice; say which of how many, from 0",
        "run --engine ray --address 127.0.0.1:9": "ray: nobody answers at 127.0.0.1:9 (Connection refused)",
        "run --engine ray --address ray://127.0.0.1:9": "ray: ray://127.0.0.1:9 is for clients",
        "run --shard 0/2 --storage nosuch://x": "nosuch",
    }
    for (line, words), (code, _, told) in zip(lines.items(), said(tmp_path, *lines), strict=True):
        assert code in {1, 2}, line
        assert words in told, line
        assert "Traceback" not in told
