"""Seeded fuzzing of everything that reads what others wrote: replies, recipes, prompt files, data files, answers of
servers, stored replies, and names on their way into a card.

A target makes an input from a number, runs prefgen on it, and says what must hold of the outcome. One number is one
input, the same each time.
"""
