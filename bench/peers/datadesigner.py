"""W1 and W2 by NeMo Data Designer: a column for each response and each judgment.

python -m bench.peers.datadesigner w1|w2 BASE_URL PROMPTS OUT
"""

import os
import sys
from pathlib import Path

os.environ["DATA_DESIGNER_HOME"] = str(Path(sys.argv[-1]) / "home")

import data_designer.config as dd  # it reads the environment as it is imported
import pandas as pd  # type: ignore[import-untyped]
from data_designer.interface import DataDesigner

from bench import workloads
from bench.workloads import IN_FLIGHT, SAMPLING, J, K


def main(workload: str, base_url: str, path: str, out: str) -> None:
    asked, place, several = workloads.read_prompts(path), Path(out), workload == "w2"
    sampling = dd.ChatCompletionInferenceParams(max_parallel_requests=IN_FLIGHT, **SAMPLING)
    model = dd.ModelConfig(
        alias="m", model="m", provider="bench", inference_parameters=sampling, skip_health_check=True
    )
    builder = dd.DataDesignerConfigBuilder(model_configs=[model])
    builder.with_seed_dataset(dd.DataFrameSeedSource(df=pd.DataFrame({"prompt": asked})))
    draws = range(K if several else 1)
    for k in draws:
        builder.add_column(dd.LLMTextColumnConfig(name=f"r{k}", prompt="{{ prompt }}", model_alias="m"))
        for j in range(J) if several else ():
            template = workloads.JUDGE.replace("{{ response }}", f"{{{{ r{k} }}}}")
            builder.add_column(dd.LLMTextColumnConfig(name=f"j{k}_{j}", prompt=template, model_alias="m"))
    provider = dd.ModelProvider(name="bench", endpoint=base_url, provider_type="openai", api_key="none")
    designer = DataDesigner(artifact_path=place / "artifacts", model_providers=[provider])
    rows = designer.create(builder, num_records=len(asked), dataset_name="bench").load_dataset().to_dict("records")
    of = {row["prompt"]: row for row in rows}
    if several:
        found = [of[one] for one in asked if one in of]
        judged = [[[row[f"j{k}_{j}"] for j in range(J)] for k in draws] for row in found]
        workloads.write_w2(
            place, [row["prompt"] for row in found], [[row[f"r{k}"] for k in draws] for row in found], judged
        )
    else:
        workloads.write_w1(place, asked, [of[one]["r0"] if one in of else None for one in asked])


if __name__ == "__main__":
    main(*sys.argv[1:])
