"""Fixtures of tests in more than one place."""

from tests.browser import browser

__all__ = ["browser"]
