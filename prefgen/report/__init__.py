"""A run's report: what came of it, in numbers, in sections, and as one page that opens offline."""

from prefgen.report.figures import figures
from prefgen.report.sections import sections
from prefgen.report.verdict import lines
from prefgen.report.writing import NAME, write

__all__ = ["NAME", "figures", "lines", "sections", "write"]
