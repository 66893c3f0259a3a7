"""Pages that open offline: what reports, audits and comparisons say, in one file without a server."""
