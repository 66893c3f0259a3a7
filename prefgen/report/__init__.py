"""A run's report: what came of it, in numbers, in sections, and as one page that opens offline."""
