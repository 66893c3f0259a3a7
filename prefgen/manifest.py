"""run.json: what ran, with which versions and models, what became of it, how its judges judged, and what it cost."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefgen import saved
from prefgen.canaries import told
from prefgen.errors import RunError
from prefgen.folders import put

if TYPE_CHECKING:
    from prefgen.llm.drawn import Drawn
    from prefgen.planned import Plan
    from prefgen.progress import Progress


def funnel(plan: "Plan", progress: "Progress") -> list[dict[str, Any]]:
    """Each step's counts, in the recipe's order; the same for a run and its repetition."""
    return [
        {
            "table": table,
            "verb": plan.steps[table].word,
            "rows_in": count.rows_in,
            "rows_out": count.rows_out,
            "dropped": dict(sorted(count.dropped.items())),
            "unreadable": dict(sorted(count.unreadable.items())),
            "failed": dict(sorted(count.failed.items())),
            **({"unanswered": count.unanswered} if count.unanswered else {}),
            **({"drawn": count.drawn} if count.drawn else {}),
            **({"canaries": told(count.canaries)} if count.canaries else {}),
            **({"saved": saved.told(count.saved)} if count.saved.stop else {}),
        }
        for table, count in progress.counts.items()
    ]


def costs(journal: Path, progress: "Progress") -> dict[str, Any]:
    """What the replies cost on which a run's rows rest, by step and in all, as its journal has it: the same in a run, a
    repetition that asks nothing, and a replay; and how many of these replies came in batches. A reply of two
    steps stands in both, and once in all. What a gate asked is not in it, nor what was drawn for prompts that are in no
    table.
    """
    from prefgen.llm.drawn import bills

    drawn = {table: count.replies for table, count in progress.counts.items() if count.replies}
    steps, total = bills(journal, drawn)
    batched = {"batched": number} if (number := _batched(journal, drawn, total.replies)) else {}
    return {"steps": [{"table": table, **vars(one)} for table, one in steps.items()], "total": vars(total), **batched}


def _batched(journal: Path, drawn: Mapping[str, "Drawn"], replies: int) -> int:
    """How many of the drawn replies came in batches: what both have less than their union."""
    from prefgen.llm.batch.ledger import brought
    from prefgen.llm.drawn import bills

    if not (came := brought(journal)):
        return 0
    each, union = bills(journal, {**drawn, "": came})
    return replies + each[""].replies - union.replies


def write(
    plan: "Plan",
    place: Path,
    progress: "Progress",
    configs: Mapping[str, Mapping[str, int]],
    reports: Mapping[str, Any],
    about: Mapping[str, Any],
) -> None:
    """Writes run.json into a run's folder. ``only_prompts`` are the places of those that are in the tables, of a root
    that gave more. Raises RunError for a full disk.
    """
    from prefgen import __version__
    from prefgen.verify import digests

    part = {root: one.spans for root, one in progress.finished.items() if not one.whole}
    models = {name: [_public(vars(model)) for model in pool] for name, pool in plan.models.items()}
    whole = {
        "recipe": plan.recipe.name,
        "about": plan.recipe.about,
        "paper": plan.recipe.paper,
        "prefgen": __version__,
        "versions": versions(),
        **about,
        "seed": plan.recipe.seed,
        "presets": dict(plan.recipe.presets),
        "models": models,
        "weights": _weights(plan),
        "prompt_files": prompt_files(plan),
        "steps": [{**step, **_went(plan, progress, step["table"])} for step in funnel(plan, progress)],
        "write": dict(plan.recipe.write),
        "gates": {table: vars(tally) for table, tally in progress.asked_at_gates().items()},
        "only_prompts": part,
        **reports,
        "dataset": configs,
        "sha256": digests(place),
    }
    write_json(place / "run.json", whole)


def _went(plan: "Plan", progress: "Progress", table: str) -> dict[str, Any]:
    """What a step was made of, what it asked for in this run, and when it was at work."""
    spent = vars(progress.counts[table].tally)
    return {"inputs": list(plan.steps[table].inputs), "spent": spent, **progress.clock.told(table)}


def versions() -> dict[str, str]:
    """Of the packages that make a dataset's bytes."""
    from importlib.metadata import version

    return {name: version(name) for name in ("polars", "pyarrow", "vl-convert-python")}


def _weights(plan: "Plan") -> dict[str, str]:
    """What the files of local models are called in the journal's keys: a replay needs no file to know them."""
    from prefgen.llm.local import identity

    models = [model for pool in plan.models.values() for model in pool if model.provider == "local"]
    return {model.use: known for model in models if (known := identity(model)) != model.id}


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file: all of it, or what was there before. Raises RunError for a full disk."""
    try:
        put(path, json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n")
    except OSError as e:
        raise RunError(f"{path}: {e.strerror}; make room and run the same command again") from e


def prompt_files(plan: "Plan") -> dict[str, dict[str, str]]:
    """The prompt files of each step that asks, by name, with the first 16 hex digits of their SHA-256: what was asked
    and, where a judge exports another, what stands in the dataset.
    """
    found = {}
    for table, step in plan.steps.items():
        if step.asker:
            paths = [step.asker.prompt_file(), getattr(step.asker, "export", None)]
            found[table] = {path.name: _digest(path) for path in paths if path and path.exists()}
    return found


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _public(model: Mapping[str, Any]) -> dict[str, Any]:
    """A model's settings, less what is not set, or is its user's business."""
    return {name: value for name, value in model.items() if value not in (None, {}) and name != "trusted"}


def judged(plan: "Plan", tables: Path) -> dict[str, Any]:
    """How each table of judgments was judged: agreement with what is known, bias, agreement of judges.
    See ``prefgen.judged``.
    """
    from prefgen import verbs
    from prefgen.judged import judge_report, looked_at

    judges = [table for table, step in plan.steps.items() if verbs.room_of(step.verb) == "judges"]
    return {table: judge_report(looked_at(tables / f"{table}.parquet")) for table in judges}
