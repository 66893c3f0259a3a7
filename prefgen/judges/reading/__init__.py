"""Placeholder until helper A's package lands; replace me."""

from prefgen.judges._reading import score, verdict

VERDICTS = dict.fromkeys(["verdict", "bracket_strict", "bracket_first", "bracket_last"], verdict)
SCORES = {"additive_score": score}
