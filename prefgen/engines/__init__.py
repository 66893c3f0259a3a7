"""Where shards run; the same bytes come out."""
