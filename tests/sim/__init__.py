"""Deterministic simulation: the real stages, rounds, client, pace, retries, budget and journal, on a virtual clock, over a
seeded transport and a seeded disk, with crashes. One seed is one history, and the same each time.
"""
