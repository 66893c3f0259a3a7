"""A few rows in each layout in which others publish pairs: their columns and types, and words of our own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


def user(text: str) -> Row:
    return {"role": "user", "content": text}


def says(text: str) -> Row:
    return {"role": "assistant", "content": text}


def system(text: str) -> Row:
    return {"role": "system", "content": text}


TWICE = [user("What is soot?"), says("Carbon, mostly."), user("And ash?")]
"""A conversation of more than one turn."""
BRIEF = [system("Be brief."), user("What is soot?")]


@dataclass(frozen=True)
class Pair:
    """One pair that is to come of a layout's rows; a prompt of text is one user turn."""

    prompt: str | Sequence[Row]
    chosen: str
    rejected: str
    models: tuple[str | None, str | None] = (None, None)
    scores: tuple[float | None, float | None] | None = None

    def talk(self) -> list[Row]:
        return [user(self.prompt)] if isinstance(self.prompt, str) else [*self.prompt]


@dataclass(frozen=True)
class Sample:
    """Rows of a layout; the pairs that come of them, and why the others go."""

    layout: str
    rows: list[Row]
    pairs: Sequence[Pair]
    gone: Mapping[str, int] = field(default_factory=dict)
    split: str = "train"


def _both(start: Sequence[Row], chosen: str, rejected: str) -> Row:
    return {"chosen": [*start, says(chosen)], "rejected": [*start, says(rejected)]}


def _h4(prompt: str, prompt_id: str, chosen: str, rejected: str, scores: tuple[float, float]) -> Row:
    sides = _both([user(prompt)], chosen, rejected)
    last = {"messages": sides["chosen"], "score_chosen": scores[0], "score_rejected": scores[1]}
    return {"prompt": prompt, "prompt_id": prompt_id, **sides, **last}


def _cleaned(chosen: str, rejected: str, ratings: tuple[float | None, float]) -> Row:
    sides = _both([user("Name a grain.")], chosen, rejected)
    return {
        "source": "own", "prompt": "Name a grain.", "chosen": sides["chosen"], "chosen-rating": ratings[0], "chosen-model": "m/one",
        "rejected": sides["rejected"], "rejected-rating": ratings[1], "rejected-model": "m/two",
    }  # fmt: skip


def _argilla(chosen: str, rejected: str) -> Row:
    return {
        "source": "own", "instruction": "Name a grain.", "chosen_response": chosen, "rejected_response": rejected,
        "chosen_avg_rating": 4.75, "rejected_avg_rating": 2.0, "chosen_model": "m/one",
    }  # fmt: skip


def _tulu(start: Sequence[Row], chosen: str, rejected: str, rating: float = 4.0) -> Row:
    models = {"chosen_model": "m/one", "rejected_model": "m/two"}
    rated = {"source": "own", "chosen_rating": rating, "rejected_rating": 1.5, **models}
    return {"id": "own_1", "prompt": start[-1]["content"], **_both(start, chosen, rejected), **rated}


def _snorkel(chosen: str, rejected: str, pool: Mapping[str, float]) -> Row:
    sides = _both([user("Name a grain.")], chosen, rejected)
    drawn = {"all_generated_responses": [*pool], "all_rm_scores": [*pool.values()]}
    return {"prompt_id": "own_1", "prompt": "Name a grain.", **sides, **drawn}


def _helpsteer3(first: str, second: str, preference: int | None, context: Sequence[Row] = TWICE) -> Row:
    one = {"score": preference, "reasoning": "so", "feedback1": "fine", "feedback2": "fine"}
    said = {"response1": first, "response2": second, "overall_preference": preference, "individual_preference": [one]}
    return {"domain": "stem", "language": "english", "context": [*context], **said}


def _helpsteer2(first: str, second: str, strength: int, split: str = "train") -> Row:
    said = {"preference_strength": strength, "preference_statement": "so", "preference_elaboration": "because"}
    return {"split": split, "prompt": "Name a grain.", "response_1": first, "response_2": second, **said}


def _judgebench(first: str, second: str, label: str) -> Row:
    about = {"pair_id": "p1", "original_id": "o1", "source": "own", "question": "2 + 2?", "response_model": "m/one"}
    return {**about, "response_A": first, "response_B": second, "label": label}


def _prometheus(first: str, second: str, preference: str) -> Row:
    scale = {f"orig_score{n}_description": f"{n} of 5" for n in range(1, 6)}
    whole = {"instruction": "a judge's whole prompt", "output": f"Feedback: so. [RESULT] {preference}"}
    own = {"orig_instruction": "Name a grain.", "orig_reference_answer": "Rye.", "orig_criteria": "Is it one?"}
    return {**whole, **own, "orig_response_A": first, "orig_response_B": second, "orig_preference": preference, **scale}


def _bench2(right: Sequence[str], wrong: Sequence[str], subset: str) -> Row:
    counts = {"num_correct": len(right), "num_incorrect": len(wrong), "total_completions": len(right) + len(wrong)}
    more = {"models": ["m/one"], "subset": subset, "additional_metadata": {"category": None, "index": 1.0}}
    return {"id": "1", "prompt": "Name a grain.", "chosen": [*right], "rejected": [*wrong], **counts, **more}


def _nemo(context: Sequence[Row], *ranked: tuple[int, str]) -> Row:
    return {"context": [*context], "completions": [{"rank": rank, "completion": [says(text)]} for rank, text in ranked]}


def _sharegpt(chosen: str, rejected: str) -> Row:
    talk = [{"from": "system", "value": "Be brief."}, {"from": "human", "value": "What is soot?"}]
    sides = {"chosen": {"from": "gpt", "value": chosen}, "rejected": {"from": "gpt", "value": rejected}}
    return {"conversations": talk, **sides}


_OURS = {"prompt_id": "0" * 16, "pair_id": "x.0", "chosen_model": "m/one", "rejected_model": None}
_REPLIES = {"chosen_reply": "k", "rejected_reply": None, "judgment_replies": ["k"]}
_SCORED = {**_OURS, "chosen_score": 4.5, "rejected_score": None, **_REPLIES}
_JUDGED = {
    "prompt_id": "0" * 16, "pair_id": "x.0", "response_id": None, "judge_pair_id": "x.0.ab.1-2", "gold": "A", "chosen_verdict": "A",
    "rejected_verdict": "B", "rejected_kind": "wrong verdict", "chosen_judgment_score": 9.0, "rejected_judgment_score": 2.5,
    "chosen_elo": None, "rejected_elo": None, "judgment_replies": ["k"],
}  # fmt: skip

_RYE = Pair("Name a grain.", "Rye.", "Coal.")


def _rye(**more: Any) -> Pair:
    return Pair("Name a grain.", "Rye.", "Coal.", **more)


SAMPLES: Sequence[Sample] = (
    Sample(
        "pairs",  # RewardBench
        [
            {"prompt": "Name a grain.", "chosen": "Rye.", "chosen_model": "m/one", "rejected": "Coal.", "rejected_model": "m/two", "subset": "chat", "id": 7},
            {"prompt": "Name a grain.", "chosen": "", "chosen_model": "m/one", "rejected": "Coal.", "rejected_model": "m/two", "subset": "chat", "id": 8},
        ],
        [_rye(models=("m/one", "m/two"))],
        {"empty response": 1},
    ),
    Sample(
        "pairs",  # TRL's explicit prompt
        [{"prompt": TWICE, "chosen": [says("Salts.")], "rejected": [says("Soot.")]}, {"prompt": BRIEF, "chosen": [says("Carbon.")], "rejected": [says("Carbon. ")]}],
        [Pair(TWICE, "Salts.", "Soot.")],
        {"equal texts": 1},
    ),
    Sample(
        "pairs",  # a prompt of text beside whole conversations, as Tulu 3's 8b mixture
        [{"id": "own_1", "prompt": "What is soot?", **_both(BRIEF, "Carbon.", "Salt."), "source": "own"}],
        [Pair(BRIEF, "Carbon.", "Salt.")],
    ),
    Sample(
        "conversations",  # Skywork, TRL's implicit prompt
        [{**_both(TWICE, "Salts.", "Soot."), "source": "own"}, {"chosen": [user("so?"), says("a")], "rejected": [user("no?"), says("b")], "source": "own"}],
        [Pair(TWICE, "Salts.", "Soot.")],
        {"bad messages": 1},
    ),
    Sample(
        "conversations",  # HH-RLHF's transcripts
        [
            {"chosen": "\n\nHuman: What is soot?\n\nAssistant: Carbon, mostly.\n\nHuman: And ash?\n\nAssistant: Salts.", "rejected": "\n\nHuman: What is soot?\n\nAssistant: Carbon, mostly.\n\nHuman: And ash?\n\nAssistant: Soot."},
            {"chosen": "\n\nHuman: so?\n\nAssistant: Yes.\n\nIn short: yes.", "rejected": "\n\nHuman: so?\n\nAssistant:"},
        ],
        [Pair(TWICE, "Salts.", "Soot.")],
        {"empty response": 1},
    ),
    Sample(
        "ultrafeedback_binarized",
        [_h4("Name a grain.", "a1", "Rye.", "Coal.", (8.5, 3.0)), _h4("Name a grain.", "a2", "Rye.", "Rye.", (8.0, 8.0)), _h4("Name a nut.", "a3", "Hazel.", "Iron.", (7.0, float("inf")))],
        [_rye(scores=(8.5, 3.0)), Pair("Name a nut.", "Hazel.", "Iron.", scores=(7.0, None))],
        {"equal texts": 1},
    ),
    Sample(
        "argilla_cleaned",
        [_cleaned("Rye.", "Coal.", (5.0, 2.25)), _cleaned(" ", "Coal.", (5.0, 1.0)), _cleaned("Oats.", "Tin.", (None, 1.0))],
        [_rye(models=("m/one", "m/two"), scores=(5.0, 2.25)), Pair("Name a grain.", "Oats.", "Tin.", ("m/one", "m/two"), (None, 1.0))],
        {"empty response": 1},
    ),
    Sample("argilla_preferences", [_argilla("Rye.", "Coal."), _argilla("Rye.", "")], [_rye(models=("m/one", None), scores=(4.75, 2.0))], {"empty response": 1}),
    Sample("tulu", [_tulu(TWICE, "Salts.", "Soot."), _tulu(TWICE, "Salts.", "Salts.")], [Pair(TWICE, "Salts.", "Soot.", ("m/one", "m/two"), (4.0, 1.5))], {"equal texts": 1}),
    Sample(
        "snorkel",
        [_snorkel("Rye.", "Coal.", {"Coal.": -1.5, "Oats.": 0.5, "Rye.": 2.0}), _snorkel("Oats.", "Tin.", {"Rye.": 2.0, "Tin.": -2.0}), _snorkel("Rye.", "Rye.", {"Rye.": 2.0})],
        [_rye(scores=(2.0, -1.5)), Pair("Name a grain.", "Oats.", "Tin.", scores=(None, -2.0))],
        {"equal texts": 1},
    ),
    Sample(
        "helpsteer3",
        [_helpsteer3("first", "second", -3), _helpsteer3("first", "second", 1), _helpsteer3("first", "second", 0), _helpsteer3("first", "second", None), _helpsteer3("", "second", -1)],
        [Pair(TWICE, "first", "second"), Pair(TWICE, "second", "first")],
        {"tie": 1, "no preference": 1, "empty response": 1},
    ),
    Sample(
        "helpsteer2",
        [_helpsteer2("first", "second", -1), _helpsteer2("first", "second", 2), _helpsteer2("first", "second", 0), _helpsteer2("one", "two", 3, "val")],
        [Pair("Name a grain.", "first", "second"), Pair("Name a grain.", "second", "first")],
        {"tie": 1, "another split": 1},
    ),
    Sample(
        "judgebench",
        [_judgebench("4", "5", "A>B"), _judgebench("5", "4", "B>A"), _judgebench("4", "four", "A=B"), _judgebench("4", "5", "unsure")],
        [Pair("2 + 2?", "4", "5", ("m/one", "m/one")), Pair("2 + 2?", "4", "5", ("m/one", "m/one"))],
        {"tie": 1, "no preference": 1},
    ),
    Sample("preference_collection", [_prometheus("Rye.", "Coal.", "A"), _prometheus("Coal.", "Rye.", "B"), _prometheus("Rye.", "", "A")], [_RYE, _RYE], {"empty response": 1}),
    Sample(
        "rewardbench_2",
        [_bench2(["Rye."], ["Coal.", "Tin.", ""], "Focus"), _bench2(["Rye.", "Oats."], ["Coal."], "Ties"), _bench2([], ["Coal."], "Ties")],
        [_RYE, Pair("Name a grain.", "Rye.", "Tin."), _RYE, Pair("Name a grain.", "Oats.", "Coal.")],
        {"empty response": 1, "no response": 1},
    ),
    Sample(
        "nemo_rl",
        [_nemo(TWICE, (1, "Soot."), (0, "Salts.")), _nemo(BRIEF, (0, "C"), (2, "S"), (2, "Fe")), _nemo(BRIEF, (1, "C"), (1, "S")), _nemo(BRIEF, (0, "C"))],
        [Pair(TWICE, "Salts.", "Soot."), Pair(BRIEF, "C", "S"), Pair(BRIEF, "C", "Fe")],
        {"tie": 1, "no response": 1},
    ),
    Sample("sharegpt", [_sharegpt("Carbon.", "Salt."), _sharegpt("Carbon.", "")], [Pair(BRIEF, "Carbon.", "Salt.")], {"empty response": 1}),
    Sample("prefgen", [{**_both(TWICE, "Salts.", "Soot."), **_SCORED}], [Pair(TWICE, "Salts.", "Soot.", ("m/one", None), (4.5, None))]),
    Sample("prefgen_text", [{"prompt": "Name a grain.", "chosen": "Rye.", "rejected": "Coal.", **_SCORED}], [_rye(models=("m/one", None), scores=(4.5, None))]),
    Sample("prefgen_judge", [{**_both(BRIEF, "It is A. [[A]]", "It is B. [[B]]"), **_JUDGED}], [Pair(BRIEF, "It is A. [[A]]", "It is B. [[B]]", scores=(9.0, 2.5))]),
)  # fmt: skip

NO_PAIRS: Mapping[str, Sequence[Row]] = {
    "kto": [{"prompt": "Name a grain.", "completion": "Rye.", "label": True}],
    "kto, conversational": [{"prompt": [user("Name a grain.")], "completion": [says("Coal.")], "label": False}],
    "helpsteer": [{"prompt": "p", "response": "r", "helpfulness": 3, "correctness": 4, "coherence": 4, "complexity": 1, "verbosity": 1}],
}  # fmt: skip
