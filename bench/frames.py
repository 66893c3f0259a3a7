"""Seeded tables like a run's, of as many rows as wanted: what ``tables.py`` puts verbs over."""

from collections.abc import Callable, Mapping
from functools import cache, partial

import numpy as np
import polars as pl

VOCABULARY, WORDS = 20_000, {"prompt": 25, "response": 30, "judgment": 15}
"""Different words, which come as often as Zipf's law has it, and words of each text."""
BENCHMARK, REPEATED = 10_000, 0.05
"""A benchmark's prompts, and the share of prompts that repeat an earlier one but for a word."""


@cache
def vocabulary() -> pl.Series:
    return pl.Series([f"{n * 2654435761 % 2**32:x}"[: 3 + n % 6] + "etaoinshr"[n % 9] for n in range(VOCABULARY)])


def texts(rows: int, words: int, seed: int) -> pl.Series:
    """Texts of words as frequent as those of a language."""
    chance = np.random.default_rng(seed)
    place = (VOCABULARY ** chance.random(rows * words) - 1).astype(np.int64).clip(0, VOCABULARY - 1)
    return vocabulary().gather(place).reshape((rows, words)).arr.join(" ")


def prompts(rows: int) -> pl.DataFrame:
    """Prompts of one user turn; one in twenty repeats one before it."""
    said, chance = texts(rows, WORDS["prompt"], 1), np.random.default_rng(2)
    again = chance.random(rows) < REPEATED
    earlier = said.gather((chance.random(rows) * np.arange(rows)).astype(np.int64)) + " again"
    number = pl.int_range(rows, eager=True, dtype=pl.UInt64)
    frame = pl.DataFrame({"n": number, "text": said}).with_columns(
        pl.when(pl.Series(again)).then(earlier).otherwise("text").alias("text"),
        (pl.col("n") * 0x9E3779B97F4A7C15).cast(pl.String).str.pad_start(20, "0").str.slice(4).alias("prompt_id"),
    )
    turn = pl.struct(pl.lit("user").alias("role"), pl.col("text").alias("content"))
    return frame.select("prompt_id", pl.col("prompt_id").alias("id"), pl.concat_list(turn).alias("prompt"))


def responses(rows: int) -> pl.DataFrame:
    """Four scored responses of each prompt, those of two models."""
    chance, each = np.random.default_rng(3), 4
    frame = prompts(max(1, rows // each)).select("prompt_id", "prompt")
    frame = pl.concat([frame.with_columns(k=pl.lit(k)) for k in range(each)]).sort("prompt_id", "k")
    n = frame.height
    return frame.with_columns(
        id=pl.format("{}.{}", "prompt_id", "k"),
        response=texts(n, WORDS["response"], 4) + pl.Series(["."]),
        response_model=pl.format("model/{}", pl.col("k") % 2),
        response_reply=pl.format("reply-{}-{}", "prompt_id", "k"),
        score=pl.Series(chance.integers(1, 51, n) / 10),
        truncated=pl.Series(chance.random(n) < 0.01),
        part=(pl.col("k") % 2).cast(pl.Int64),
        correct=pl.col("k") == 0,
        category=pl.Series(chance.integers(0, 6, n)).cast(pl.String),
    ).drop("k")


def pairs(rows: int) -> pl.DataFrame:
    """One pair of each prompt."""
    chance, frame = np.random.default_rng(5), prompts(rows)
    models = [pl.format("model/{}", pl.Series(chance.integers(0, 5, rows))) for _ in range(2)]
    return frame.with_columns(
        id=pl.format("{}.0-1", "prompt_id"),
        chosen=texts(rows, WORDS["response"], 6),
        rejected=texts(rows, WORDS["response"], 7),
        chosen_model=models[0],
        rejected_model=models[1],
        chosen_reply=pl.format("reply-{}-0", "prompt_id"),
        rejected_reply=pl.format("reply-{}-1", "prompt_id"),
        chosen_score=pl.Series(chance.integers(20, 51, rows) / 10),
        rejected_score=pl.Series(chance.integers(1, 40, rows) / 10),
        subset=pl.Series(chance.integers(0, 20, rows)).cast(pl.String),
    )


def verdicts(rows: int) -> pl.DataFrame:
    """Pairs in both orders, four judgments in each, by two judges."""
    from prefgen.pairs.both_orders import both_orders

    chance, orders = np.random.default_rng(8), both_orders(pairs(max(1, rows // 8)))
    frame = pl.concat([orders.with_columns(k=pl.lit(k)) for k in range(4)]).sort("id", "k")
    n = frame.height
    said = pl.Series(np.array(["A", "B"])[chance.integers(0, 2, n)])
    right, read = pl.Series(chance.random(n) < 0.6), pl.Series(chance.random(n) < 0.97)
    return frame.with_columns(
        id=pl.format("{}.{}", "id", "k"),
        verdict=pl.when(read).then(pl.when(right).then("gold").otherwise(said)),
        judgment=texts(n, WORDS["judgment"], 9),
        judge_model=pl.format("judge/{}", pl.col("k") % 2),
        judgment_reply=pl.format("reply-{}-{}", "id", "k"),
        asked="prompt",
    ).drop("k")


def ratings(rows: int) -> pl.DataFrame:
    """Two judgments of each response."""
    chance = np.random.default_rng(10)
    frame = responses(max(2, rows // 2)).rename({"id": "response_id"}).drop("score")
    frame = pl.concat([frame.with_columns(k=pl.lit(k)) for k in range(2)]).sort("response_id", "k")
    n = frame.height
    return frame.with_columns(
        id=pl.format("{}.{}", "response_id", "k"),
        judgment=texts(n, WORDS["judgment"], 11) + pl.Series([" 7"]),
        score=pl.Series(chance.integers(1, 11, n).astype(float)),
        elo=pl.Series(chance.normal(size=n)),
        judge_model=pl.lit("judge/0"),
        judgment_reply=pl.format("reply-{}-{}", "response_id", "k"),
        rank=pl.col("response_id").str.slice(-1).cast(pl.Int64),
        item=pl.format("{}:{}", pl.lit("tied"), "prompt_id"),
        asked="prompt",
    ).drop("k")


def battles(rows: int) -> pl.DataFrame:
    """Battles of three judgments of a response, six of each."""
    from prefgen.pairs.battles import battles as fought

    chance = np.random.default_rng(12)
    three = responses(max(3, rows // 2)).rename({"prompt_id": "response_id", "response": "judgment"})
    three = three.filter(pl.int_range(pl.len()).over("response_id") < 3).drop("part", "truncated", "correct")
    made = fought(three.with_columns(prompt_id="response_id", judge_model=pl.lit("judge/0"))).head(rows)
    return made.with_columns(verdict=pl.Series(np.array(["A", "B"])[chance.integers(0, 2, made.height)]))


def sets(rows: int) -> pl.DataFrame:
    """One judgment of each set of four responses, one of them right."""
    from prefgen.tables.together import together

    chance, made = np.random.default_rng(13), together(responses(4 * rows))
    ids = pl.col("candidates").list.eval(pl.element().struct.field("response_id"))
    picked = ids.list.get(pl.lit(pl.Series(chance.integers(0, 4, made.height))))
    own: dict[str, pl.Expr | pl.Series] = {
        "judgment": texts(made.height, 15, 14),
        "judge_model": pl.lit("judge/0"),
        "judgment_reply": pl.col("id"),
    }
    first = pl.col("candidates").list.first().struct.field("response_id")
    return made.with_columns(picked=picked, correct_ids=pl.concat_list(first), **own)


def new_texts(rows: int) -> pl.DataFrame:
    """Instructions just written, and one in ten prompts that were there before."""
    said = pl.col("prompt").list.first().struct.field("content")
    there = pl.int_range(pl.len()) % 10 == 0
    made = prompts(rows).with_columns(instruction=pl.when(~there).then(said), part=there.cast(pl.Int64))
    return made.with_columns(prompt=pl.when(there).then("prompt"))


def config(name: str, table: Callable[[int], pl.DataFrame], rows: int) -> pl.DataFrame:
    from prefgen.configs import CONFIGS

    return CONFIGS[name](table(rows))


def judgment_pairs(rows: int) -> pl.DataFrame:
    from prefgen.pairs.right_wrong import right_wrong

    return right_wrong(verdicts(2 * rows), by="pair_id")


def credited(rows: int) -> pl.DataFrame:
    from prefgen.scores.credit import credit

    made = credit(verdicts(2 * rows))
    return made.with_columns(kind=pl.lit(None, pl.String))


TABLES: Mapping[str, Callable[[int], pl.DataFrame]] = {
    one.__name__: one
    for one in (
        prompts, responses, pairs, verdicts, ratings, battles, sets, new_texts, judgment_pairs, credited,
    )
} | {
    "preferences": partial(config, "preferences", pairs),
    "written_responses": partial(config, "responses", responses),
    "judge_sft": partial(config, "judge_sft", verdicts),
}  # fmt: skip


def benchmark(rows: int) -> pl.DataFrame:
    """A benchmark's prompts; each hundredth stands among ``prompts`` as well."""
    own = texts(BENCHMARK, WORDS["prompt"], 15)
    theirs = prompts(rows)["prompt"].list.first().struct.field("content").head(BENCHMARK)
    return pl.DataFrame({"prompt": own}).with_columns(
        pl.when(pl.int_range(pl.len()) % 100 == 0)
        .then(theirs.extend_constant("", BENCHMARK - len(theirs)))
        .otherwise("prompt")
        .alias("prompt")
    )
