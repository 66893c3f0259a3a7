"""W1 and W2 by SDG Hub: blocks over a frame, one after another, ``n`` draws in one request.

python -m bench.peers.sdghub w1|w2 BASE_URL PROMPTS OUT
"""

import sys
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
from sdg_hub import Flow, FlowMetadata
from sdg_hub.core.blocks import LLMChatBlock, LLMResponseExtractorBlock, PromptBuilderBlock

from bench import workloads
from bench.workloads import IN_FLIGHT, SAMPLING, J, K

ASKED = "- role: user\n  content: |\n"


def blocks(name: str, template: str, columns: list[str], n: int, base_url: str, out: Path) -> list[Any]:
    """Three blocks: a prompt is built, sent, and its texts are taken out."""
    file = out / f"{name}.yaml"
    file.write_text(ASKED + "".join(f"    {line}\n" for line in template.splitlines()))
    return [
        PromptBuilderBlock(
            block_name=f"{name}_prompt", input_cols=columns, output_cols=f"{name}_messages",
            prompt_config_path=str(file),
        ),
        LLMChatBlock(
            block_name=f"{name}_chat", input_cols=f"{name}_messages", output_cols=f"{name}_raw", model="openai/m",
            api_base=base_url, api_key="none", async_mode=True, n=n, **SAMPLING,
        ),
        LLMResponseExtractorBlock(
            block_name=f"{name}_text", input_cols=f"{name}_raw", extract_content=True, expand_lists=True,
            field_prefix=f"{name}_",
        ),
    ]  # fmt: skip


def main(workload: str, base_url: str, path: str, out: str) -> None:
    asked, place = workloads.read_prompts(path), Path(out)
    several = workload == "w2"
    steps = blocks("answer", "{{ prompt }}", ["prompt"], K if several else 1, base_url, place)
    if several:
        template = workloads.JUDGE.replace("{{ response }}", "{{ answer_content }}")
        steps += blocks("judge", template, ["prompt", "answer_content"], J, base_url, place)
    flow = Flow(blocks=steps, metadata=FlowMetadata(name=workload))
    flow.set_model_config(model="openai/m", api_base=base_url, api_key="none")
    made = flow.generate(pd.DataFrame({"prompt": asked}), max_concurrency=IN_FLIGHT)
    rows: list[dict[str, Any]] = made.to_dict("records")
    of: dict[str, dict[str, list[str]]] = {one: {} for one in asked}
    for row in rows:
        of[row["prompt"]].setdefault(row["answer_content"], []).append(row.get("judge_content", ""))
    if several:
        workloads.write_w2(place, asked, [[*of[one]] for one in asked], [[*of[one].values()] for one in asked])
    else:
        workloads.write_w1(place, asked, [next(iter(of[one]), None) for one in asked])


if __name__ == "__main__":
    main(*sys.argv[1:])
