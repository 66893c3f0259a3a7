"""W1 and W2 by Bespoke Curator: one request a row; its limits are set so high that 256 in flight is what limits it.

python -m bench.peers.curator w1|w2 BASE_URL PROMPTS OUT
"""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

os.environ |= {"TELEMETRY_ENABLED": "false", "CURATOR_DISABLE_RICH_DISPLAY": "1"}
os.environ["CURATOR_CACHE_DIR"] = str(Path(sys.argv[-1]) / "cache")
if (litellm := importlib.util.find_spec("litellm")) and litellm.origin:  # its encoding, which is fetched otherwise
    os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(litellm.origin).parent / "litellm_core_utils" / "tokenizers")

from bespokelabs import curator  # it reads the environment as it is imported

from bench import workloads
from bench.workloads import IN_FLIGHT, J, K


class Answers(curator.LLM):  # type: ignore[misc]  # it is not installed where types are checked
    """A response to a row's prompt."""

    def prompt(self, row: dict[str, Any]) -> Any:
        return row["prompt"]

    def parse(self, row: dict[str, Any], response: str) -> dict[str, Any]:
        return {**row, "response": response}


class Judges(curator.LLM):  # type: ignore[misc]
    """A judgment of a row's response."""

    def prompt(self, row: dict[str, Any]) -> Any:
        return workloads.judge_prompt(row["prompt"], row["response"])

    def parse(self, row: dict[str, Any], response: str) -> dict[str, Any]:
        return {**row, "judgment": response}


def made(kind: type, base_url: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that one stage gives."""
    most = {"max_concurrent_requests": IN_FLIGHT, "max_requests_per_minute": 10**7, "max_tokens_per_minute": 10**10}
    llm = kind(
        model_name="m",
        backend="openai",
        generation_params=dict(workloads.SAMPLING),
        backend_params={"base_url": base_url, **most},
    )
    return [dict(row) for row in llm(rows).dataset]


def main(workload: str, base_url: str, path: str, out: str) -> None:
    asked = workloads.read_prompts(path)
    draws = K if workload == "w2" else 1
    rows = made(
        Answers, base_url, [{"p": i, "k": k, "prompt": one} for i, one in enumerate(asked) for k in range(draws)]
    )
    if workload == "w1":
        found = {row["p"]: row["response"] for row in rows}
        workloads.write_w1(Path(out), asked, [found.get(i) for i in range(len(asked))])
        return
    responses = [["" for _ in range(K)] for _ in asked]
    for row in rows:
        responses[row["p"]][row["k"]] = row["response"]
    judged: list[list[list[str]]] = [[[] for _ in range(K)] for _ in asked]
    for row in made(Judges, base_url, [{**row, "j": j} for row in rows for j in range(J)]):
        judged[row["p"]][row["k"]].append(row["judgment"])
    workloads.write_w2(Path(out), asked, responses, judged)


if __name__ == "__main__":
    main(*sys.argv[1:])
