"""Filters: what is dropped, and why. Each also works on its own, on frames, Datasets and lists of dicts.

from prefgen.filters import verdict_agreement
agreed = verdict_agreement(judgments)
"""

from prefgen.filters.balance import balance
from prefgen.filters.length_control import length_control
from prefgen.filters.one_of import one_of
from prefgen.filters.verdict_agreement import verdict_agreement

__all__ = ["balance", "length_control", "one_of", "verdict_agreement"]
