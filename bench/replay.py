"""Everything in the journal already: how fast a run is that asks nothing.

The journal is filled directly, with the replies that bench/server.py would give, under the keys that a run looks for.
"""

import asyncio
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from bench import server
from bench.measure import ROOT

TOGETHER = 5_000
"""Replies in one commit."""


def fill(workload: str, base_url: str, prompts: Path, out: Path) -> int:
    """Puts every reply that a run of the workload asks for into the journal of its folder. Gives their number."""
    from prefgen.llm.journal import Journal

    journal, entries, many = Journal(out / "journal.sqlite"), _entries(workload, base_url, prompts), 0
    while some := list(islice(entries, TOGETHER)):
        asyncio.run(journal.put(some))
        many += len(some)
    journal.close()
    return many


def _entries(workload: str, base_url: str, prompts: Path) -> Iterator[Any]:
    """Of each prompt the responses; in W2 also the judgments of each."""
    from prefgen import dataset, plan
    from prefgen.recipe import load

    few = prompts.with_name(f"first-of-{prompts.name}")
    with prompts.open(encoding="utf-8") as lines:
        few.write_text(next(lines), encoding="utf-8")  # one will do for a plan
    models = ["writer", "judge"] if workload == "w2" else ["writer"]
    sets = [f"steps.prompts.load={few}", *(f"models.{one}.base_url={base_url}" for one in models)]
    steps = plan.make(load(ROOT / "bench" / f"{workload}.yaml", sets), writers=dataset.CONFIGS).steps
    with prompts.open(encoding="utf-8") as lines:
        for line in lines:
            talk = [{"role": "user", "content": json.loads(line)["prompt"]}]
            row = {"prompt_id": "", "id": hashlib.sha256(line.encode()).hexdigest()[:16], "prompt": talk}
            for k, (entry, text) in enumerate(_drawn(steps["responses"], row)):
                yield entry
                if workload == "w2":
                    answered = {**row, "id": f"{row['id']}.{k}", "response": text, "truncated": False}
                    yield from (judged for judged, _ in _drawn(steps["judgments"], answered))


def _drawn(step: Any, row: dict[str, Any]) -> Iterator[tuple[Any, str]]:
    """The entries of all draws of a row, and their texts."""
    from prefgen.llm.journal import Entry
    from prefgen.llm.providers import make_provider
    from prefgen.llm.request import Request, key

    (ask,), model = step.asker.asks(row), step.models[0]
    request = Request(model, ask.messages, seed=0)
    sees = {"provider": model.provider, **make_provider(model.provider, {}).sees(request)}
    for k, raw in enumerate(replies(ask.messages, step.asker.n)):
        usage = raw["usage"]
        tokens = usage["prompt_tokens"], usage["completion_tokens"]
        yield Entry(key(sees, k, 0), raw, *tokens, None, model.use), raw["choice"]["message"]["content"]


def replies(messages: Sequence[Any], n: int) -> list[dict[str, Any]]:
    """What the server gives for ``n`` draws of these messages, each as a journal keeps it."""
    body = json.dumps({"messages": messages, "n": n}, ensure_ascii=False).encode()
    data = json.loads(server.completion(body, server.Counted()))
    nothing = {"prompt_tokens": 0, "completion_tokens": 0}
    usages = [data["usage"], *[nothing] * (n - 1)]
    same = {"model": data["model"], "id": data["id"]}
    return [{"choice": one, "usage": usage, **same} for one, usage in zip(data["choices"], usages, strict=True)]


if __name__ == "__main__":
    print(fill(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])))
