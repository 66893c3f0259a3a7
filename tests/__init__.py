"""Tests; a package, for other packages bring a `tests` of their own."""
