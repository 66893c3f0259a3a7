"""W1 and W2 by distilabel: batches of 256, ``n`` draws in one request, as its tasks have it.

python -m bench.peers.distilabel w1|w2 BASE_URL PROMPTS OUT
"""

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration

from bench import workloads
from bench.workloads import IN_FLIGHT, J, K

SAMPLING = {"temperature": 0.7, "max_new_tokens": 256}


def llm(base_url: str) -> Any:
    """The model; distilabel names tokens in its own way."""
    return OpenAILLM(model="m", base_url=base_url, api_key="none", generation_kwargs=SAMPLING)


def rows_of(workload: str, base_url: str, asked: list[str], out: Path) -> list[dict[str, Any]]:
    """What the pipeline gives: a row for each response, with its judgments."""
    with Pipeline(name=workload, cache_dir=out / "cache") as pipeline:
        source = LoadDataFromDicts(data=[{"instruction": one} for one in asked], batch_size=IN_FLIGHT)
        how = {"llm": llm(base_url), "input_batch_size": IN_FLIGHT}
        answers = TextGeneration(
            num_generations=K if workload == "w2" else 1, output_mappings={"generation": "response"}, **how
        )
        if workload == "w1":
            source >> answers
        else:
            judge = TextGeneration(
                template=workloads.JUDGE.replace("{{ prompt }}", "{{ instruction }}"),
                columns=["instruction", "response"],
                num_generations=J,
                group_generations=True,
                output_mappings={"generation": "judgments", "model_name": "judge_model"},
                **{**how, "llm": llm(base_url)},
            )
            source >> answers >> judge
    made = pipeline.run(use_cache=False)["default"]["train"]
    return [dict(row) for row in made]


def main(workload: str, base_url: str, path: str, out: str) -> None:
    asked = workloads.read_prompts(path)
    rows = rows_of(workload, base_url, asked, Path(out))
    if workload == "w1":
        found = {row["instruction"]: row["response"] for row in rows}
        workloads.write_w1(Path(out), asked, [found.get(one) for one in asked])
        return
    of: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        of[row["instruction"]].append(row)
    responses = [[row["response"] for row in of[one]] for one in asked]
    judged = [[row["judgments"] for row in of[one]] for one in asked]
    workloads.write_w2(Path(out), asked, responses, judged)


if __name__ == "__main__":
    main(*sys.argv[1:])
