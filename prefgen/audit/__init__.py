"""``prefgen audit``: what is wrong with a preference dataset, whoever made it."""

from prefgen.audit.audit import Audit, audit
from prefgen.audit.opening import Asked
from prefgen.audit.thresholds import limits

__all__ = ["Asked", "Audit", "audit", "limits"]
