"""Which new instructions are of no use, by Self-Instruct's rules (arXiv:2212.10560), as its published code has them."""

import polars as pl

from prefgen.rows import because, filters

WORDS = (
    "image",
    "images",
    "graph",
    "graphs",
    "picture",
    "pictures",
    "file",
    "files",
    "map",
    "maps",
    "draw",
    "plot",
    "go to",
)
"""What a text model cannot see or do."""
SHORTEST, LONGEST = 3, 150
PUNCTUATION = r"""[!-/:-@\[-`{-~]"""


@filters
def self_instruct(*, of: str = "instruction") -> pl.Expr:
    """Drops texts of up to 3 words or over 150; with one of WORDS as a word of its own; that begin with "Write a
    program", with punctuation (of ASCII) or with a character that is not ASCII. How near a text is to others is the
    business of ``novel``.
    """
    text = pl.col(of).cast(pl.String).str.strip_chars()
    words = text.str.count_matches(r"\S+")
    banned = rf"(?i)\b(?:{'|'.join(WORDS)})\b"
    return because(
        ("no text", text.is_null()),
        (f"{SHORTEST} words or fewer", words <= SHORTEST),
        (f"over {LONGEST} words", words > LONGEST),
        ("needs more than text", text.str.contains(banned)),
        ("begins with Write a program", text.str.starts_with("Write a program")),
        ("begins with punctuation", text.str.contains(rf"^{PUNCTUATION}")),
        ("begins with a character that is not ASCII", text.str.contains(r"^[^\x00-\x7f]")),
    )
