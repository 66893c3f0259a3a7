"""What texts should not hold: marks of chat templates, and what is left of a wrong encoding."""

from collections.abc import Mapping, Sequence

import polars as pl

TOKENS = (
    (
        r"<\|(?:im_start|im_end|im_sep|endoftext|startoftext|begin_of_text|end_of_text|eot_id|eom_id|start_header_id"
        r"|end_header_id|python_tag|system|user|assistant|observation|end|pad|fim_prefix|fim_suffix|fim_middle"
        r"|START_OF_TURN_TOKEN|END_OF_TURN_TOKEN|USER_TOKEN|CHATBOT_TOKEN|SYSTEM_TOKEN)\|>"
    ),
    r"<\x{ff5c}[\w\x{2581}]+\x{ff5c}>",  # DeepSeek's bars
    r"\[/?INST\]|<</?SYS>>|\[gMASK\]|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>",
    r"\A\s*<s>|</s>\s*\z",
)
"""Tokens of ChatML, Llama 2 and 3, Mistral, Gemma, Phi, GLM, Command R, DeepSeek."""
ROLES = r"(?m)^(?:#{2,3} ?(?:Human|Assistant|Instruction|Response|User|System):|(?:Human|Assistant|USER|ASSISTANT):)"
"""Lines that begin a turn, as transcripts and older templates write them."""
MARKERS = f"{'|'.join(TOKENS)}|{ROLES}"

_WINDOWS = (
    r"\x{20ac}\x{201a}\x{192}\x{201e}\x{2026}\x{2020}\x{2021}\x{2c6}\x{2030}"
    r"\x{160}\x{2039}\x{152}\x{17d}\x{2018}\x{2019}\x{201c}\x{201d}\x{2022}"
    r"\x{2013}\x{2014}\x{2dc}\x{2122}\x{161}\x{203a}\x{153}\x{17e}\x{178}"
)
"""What Windows-1252 makes of the bytes from 0x80 to 0x9f."""
_MOJIBAKE = (
    rf"[\x{{c2}}\x{{c3}}][\x{{80}}-\x{{bf}}{_WINDOWS}]|\x{{e2}}[\x{{80}}\x{{20ac}}]"
    r"|\x{e3}[\x{80}-\x{83}\x{20ac}\x{201a}\x{192}]|\x{ef}\x{bb}\x{bf}|\x{f0}[\x{9f}\x{178}]"
)
"""How texts of two bytes (accents), of three (quotation marks, kana) and of four (emoji) begin when they are read so.
Others are left alone: in a French text an accent may stand before two quotation marks.
"""
DAMAGE: Mapping[str, tuple[str, str]] = {
    "replacement": ("characters that were lost (U+FFFD)", r"\x{fffd}"),
    "mojibake": ("UTF-8 read as Latin-1 (\u00c3\u00a9 for \u00e9)", _MOJIBAKE),
    "nul": ("NUL characters", r"\x{0}"),
    "control": (
        "control characters",
        r"[\x{1}-\x{8}\x{b}\x{c}\x{e}-\x{1f}\x{7f}]|(?:\A|[^\x{80}-\x{f4}])[\x{80}-\x{9f}]",
    ),
    "bom": ("byte order marks inside texts", r"\x{feff}"),
    "zero_width": ("characters of no width", r"[\x{200b}\x{2060}-\x{2064}\x{180e}]"),
    "bidi": ("marks that turn text round", r"[\x{202a}-\x{202e}\x{2066}-\x{2069}]"),
}
"""Kinds of damage: what it is, and how it is known. Joiners (U+200C, U+200D) belong to scripts and to emoji."""


def found(pattern: str, columns: Sequence[str]) -> pl.Expr:
    """The first of these columns that holds the pattern, with what was found; null where none does."""
    each = [
        pl.when(pl.col(one).str.contains(pattern)).then(
            pl.format("{}: {}", pl.lit(one), pl.col(one).str.extract(f"({pattern})").str.strip_chars())
        )
        for one in columns
    ]
    return pl.coalesce(each)


def damaged(pattern: str, columns: Sequence[str]) -> pl.Expr:
    """The columns that hold the pattern; null where none does."""
    each = [pl.when(pl.col(one).str.contains(pattern)).then(pl.lit(one)) for one in columns]
    told = pl.concat_str(each, separator=", ", ignore_nulls=True)
    return pl.when(told != "").then(told)
