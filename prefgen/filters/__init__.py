"""Filters: what is dropped, and why. Each also works on its own, on frames, Datasets and lists of dicts.

from prefgen.filters import verdict_agreement
agreed = verdict_agreement(judgments)
"""

from prefgen.filters.author_balance import author_balance
from prefgen.filters.balance import balance
from prefgen.filters.class_cap import class_cap
from prefgen.filters.decontaminate import decontaminate
from prefgen.filters.identical import identical
from prefgen.filters.language import language
from prefgen.filters.length_control import length_control
from prefgen.filters.length_ratio import length_ratio
from prefgen.filters.majority_share import majority_share
from prefgen.filters.max_length import max_length
from prefgen.filters.most_uncertain import most_uncertain
from prefgen.filters.near_duplicates import near_duplicates
from prefgen.filters.non_answers import non_answers
from prefgen.filters.novel import novel
from prefgen.filters.one_of import one_of
from prefgen.filters.order_agreement import order_agreement
from prefgen.filters.panel_agreement import panel_agreement
from prefgen.filters.rank_agreement import rank_agreement
from prefgen.filters.refusals import refusals
from prefgen.filters.score_gap import score_gap
from prefgen.filters.select import select
from prefgen.filters.self_instruct import self_instruct
from prefgen.filters.truncation import truncation
from prefgen.filters.verdict_agreement import verdict_agreement

__all__ = [
    "author_balance",
    "balance",
    "class_cap",
    "decontaminate",
    "identical",
    "language",
    "length_control",
    "length_ratio",
    "majority_share",
    "max_length",
    "most_uncertain",
    "near_duplicates",
    "non_answers",
    "novel",
    "one_of",
    "order_agreement",
    "panel_agreement",
    "rank_agreement",
    "refusals",
    "score_gap",
    "select",
    "self_instruct",
    "truncation",
    "verdict_agreement",
]
