"""Verbs that reshape rows."""
