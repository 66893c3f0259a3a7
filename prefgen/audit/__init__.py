"""``prefgen audit``: what is wrong with a preference dataset, whoever made it."""

from prefgen.audit.auditing import audit
from prefgen.audit.found import Audit
from prefgen.audit.opening import Asked
from prefgen.audit.thresholds import limits

__all__ = ["Asked", "Audit", "audit", "limits"]
