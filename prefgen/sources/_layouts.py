"""Layouts in which others publish pairs: by which columns each is known, and how its rows are read.

A layout is known by its columns alone. Of two that a source fits, the one that asks for more columns is meant; where
neither asks for all that the other does, the source has to say which columns it means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from prefgen.sources._read import LoadError
from prefgen.sources._sides import Judged, Ranked, Reading, Sets, Sides, below_zero, labelled


@dataclass(frozen=True)
class Layout:
    """One layout: the columns that mark it, where its prompt is (null: at the beginning of its responses), and how
    its responses are read. ``split`` is a column that says of which split a row is. ``instead`` is what would do
    for one that holds no pairs.
    """

    name: str
    marks: frozenset[str]
    prompt: str | None
    reading: Reading
    split: str | None = None
    instead: str = ""

    def columns(self) -> set[str]:
        """All that it may read."""
        own = [name for name in (self.prompt, self.split) if name]
        return {*self.marks, *own, *self.reading.needs, *self.reading.may}


def _layout(name: str, marks: str, prompt: str | None, reading: Reading, split: str | None = None) -> Layout:
    return Layout(name, frozenset(marks.split()), prompt, reading, split)


def _no_pairs(name: str, marks: str, instead: str) -> Layout:
    return Layout(name, frozenset(marks.split()), None, Sides(), instead=instead)


_PAIR = "prompt chosen rejected"
_RANKED: Mapping[str, int | str] = {"A>B": 0, "B>A": 1, "A=B": "tie", "B=A": "tie"}
_LETTERS: Mapping[str, int | str] = {"A": 0, "B": 1}

PAIRS = _layout("pairs", _PAIR, "prompt", Sides())
"""What the settings' own names say: RewardBench, TRL's explicit pairs, LLaMA-Factory, Tulu 3 without ratings. Any of
the three columns may hold text or messages.
"""

LAYOUTS: Sequence[Layout] = (
    PAIRS,
    # Two conversations that begin alike: Skywork-Reward-Preference, TRL's implicit prompts, HH-RLHF's transcripts.
    _layout("conversations", "chosen rejected", None, Sides()),
    # LLaMA-Factory's and Axolotl's ShareGPT pairs: each response is one message.
    _layout("sharegpt", "conversations chosen rejected", "conversations", Sides()),
    # HuggingFaceH4/ultrafeedback_binarized.
    _layout(
        "ultrafeedback_binarized",
        f"{_PAIR} score_chosen score_rejected",
        "prompt",
        Sides(scores=("score_chosen", "score_rejected")),
    ),
    # argilla/ultrafeedback-binarized-preferences-cleaned and its kin, with hyphens.
    _layout(
        "argilla_cleaned",
        f"{_PAIR} chosen-rating rejected-rating",
        "prompt",
        Sides(models=("chosen-model", "rejected-model"), scores=("chosen-rating", "rejected-rating")),
    ),
    # argilla/ultrafeedback-binarized-preferences; rejected_model from memory.
    _layout(
        "argilla_preferences",
        "instruction chosen_response rejected_response chosen_avg_rating rejected_avg_rating",
        "instruction",
        Sides(of=("chosen_response", "rejected_response"), scores=("chosen_avg_rating", "rejected_avg_rating")),
    ),
    # allenai/llama-3.1-tulu-3-405b-preference-mixture; the 8b one has no ratings and is read as pairs.
    _layout(
        "tulu", f"{_PAIR} chosen_rating rejected_rating", "prompt", Sides(scores=("chosen_rating", "rejected_rating"))
    ),
    # snorkelai/Snorkel-Mistral-PairRM-DPO-Dataset, and others' pools of several responses with a reward model's scores.
    _layout(
        "snorkel",
        f"{_PAIR} all_generated_responses all_rm_scores",
        "prompt",
        Sides(pool=("all_generated_responses", "all_rm_scores")),
    ),
    # nvidia/HelpSteer3, config preference: from -3 to 3, and below 0 where response1 is better.
    _layout(
        "helpsteer3",
        "context response1 response2 overall_preference",
        "context",
        Judged(("response1", "response2"), "overall_preference", below_zero),
    ),
    # nvidia/HelpSteer2, folder preference (data_dir): the same signs (names from memory). One file holds all splits.
    _layout(
        "helpsteer2",
        "prompt response_1 response_2 preference_strength",
        "prompt",
        Judged(("response_1", "response_2"), "preference_strength", below_zero),
        split="split",
    ),
    # ScalerLab/JudgeBench: one model wrote both.
    _layout(
        "judgebench",
        "question response_A response_B label",
        "question",
        Judged(
            ("response_A", "response_B"),
            "label",
            partial(labelled, words=_RANKED),
            models=("response_model", "response_model"),
        ),
    ),
    # prometheus-eval/Preference-Collection; A and B from memory.
    _layout(
        "preference_collection",
        "orig_instruction orig_response_A orig_response_B orig_preference",
        "orig_instruction",
        Judged(("orig_response_A", "orig_response_B"), "orig_preference", partial(labelled, words=_LETTERS)),
    ),
    # allenai/reward-bench-2. Its list of models is left alone: that it is in the responses' order is said nowhere.
    _layout("rewardbench_2", f"{_PAIR} num_correct", "prompt", Sets(("chosen", "rejected"))),
    # NeMo-RL's own: rank 0 is the best.
    _layout("nemo_rl", "context completions", "context", Ranked("completions")),
    # What prefgen writes: its configs preferences, preferences_text and judge_preferences.
    _layout(
        "prefgen",
        "chosen rejected pair_id chosen_score rejected_score",
        None,
        Sides(scores=("chosen_score", "rejected_score")),
    ),
    _layout(
        "prefgen_text",
        f"{_PAIR} pair_id chosen_score rejected_score",
        "prompt",
        Sides(scores=("chosen_score", "rejected_score")),
    ),
    _layout(
        "prefgen_judge",
        "chosen rejected judge_pair_id chosen_judgment_score rejected_judgment_score",
        None,
        Sides(scores=("chosen_judgment_score", "rejected_judgment_score")),
    ),
    # What holds no pairs, and is often taken for it.
    _no_pairs(
        "kto",
        "prompt completion label",
        "unpaired responses with a label each (KTO); load_responses reads them: response: completion, each: label",
    ),
    _no_pairs(
        "helpsteer",
        "prompt response helpfulness correctness",
        "ratings of single responses (HelpSteer); load_responses reads them: each: {score: helpfulness}; the pairs of "
        "HelpSteer2 lie in a folder: data_dir: preference",
    ),
)
COLUMNS = frozenset().union(*(layout.columns() for layout in LAYOUTS))
"""Every column that any layout may read."""


def with_prompts(name: str, columns: Sequence[str]) -> Layout | None:
    """The layout of pairs that says where a source's prompts are, if it has no column of that name."""
    known = "prompt" not in columns and any(layout.marks <= {*columns} for layout in LAYOUTS)
    return recognised(name, columns) if known else None


def recognised(name: str, columns: Sequence[str]) -> Layout:
    """The layout of a source with these columns. Raises LoadError where there is none, or more than one."""
    fits = [layout for layout in LAYOUTS if layout.marks <= {*columns}]
    fits = [layout for layout in fits if not layout.instead] or fits
    best = [one for one in fits if not any(one.marks < other.marks for other in fits)]
    if len(best) > 1:
        either = " or as ".join(sorted(layout.name for layout in best))
        raise LoadError(f"{name} could be read as {either}; name its columns: prompt: …, chosen: …, rejected: …")
    if not best:
        raise LoadError(f"{name} has pairs in no layout that load_pairs knows; {having(columns)}")
    if best[0].instead:
        raise LoadError(f"{name} holds no pairs, but {best[0].instead}")
    return best[0]


def having(columns: Sequence[str]) -> str:
    """The cure for a source whose columns are not known: which it has, and what to say of them."""
    said = ", ".join(f"{column:.40}" for column in columns[:MANY]) + (", …" if len(columns) > MANY else "")
    return f"say where they are, by prompt: …, chosen: …, rejected: … (it has {said or 'no columns'})"


PROMPTS = tuple(sorted({"prompt", "chosen", *(layout.prompt for layout in LAYOUTS if layout.prompt)}))
"""Every column in which a prompt may be."""
MANY = 30
"""Columns that a message lists."""
