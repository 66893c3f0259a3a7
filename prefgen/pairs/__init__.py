"""Chosen and rejected."""
