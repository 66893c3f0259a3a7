"""Judgments made numbers."""
