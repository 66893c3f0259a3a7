"""Colours of a drawing, for pages that are light or dark: ours by the name that the page's style gives them, any other
with its counterpart, which is as dark as it is light.
"""

import colorsys
import re

from prefgen.card import looks

OURS = {
    looks.CHOSEN: "chosen",
    looks.REJECTED: "rejected",
    looks.INK: "ink",
    looks.FAINT: "faint",
    looks.GRID: "grid",
    looks.LOST: "lost",
}
"""The style's variables for colours of looks."""
NAMED = {"white": "#ffffff", "black": "#000000"}
_RGB = re.compile(r"rgba?\((\d+), ?(\d+), ?(\d+)(?:, ?([\d.]+))?\)")
_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})")
NIGHT = 0.08
"""How light black becomes: pages are not black at night."""


def themed(colour: str) -> str:
    """A colour of a drawing in the page's words. What is no colour that we know of stays as it is."""
    told = colour.strip().lower()
    told = NAMED.get(told, told)
    found = _RGB.fullmatch(told)
    if found and found[4] is None:
        told = "#" + "".join(f"{min(int(one), 255):02x}" for one in found.groups()[:3])
    if told in OURS:
        return f"var(--{OURS[told]})"
    if not _HEX.fullmatch(told):
        return colour
    return f"light-dark({told},{counterpart(told)})"


def counterpart(colour: str) -> str:
    """The same hue, dark where this is light: ``#bcd9ec`` becomes a deep blue, so that few stay near the page's own
    colour and many stand out from it.
    """
    digits = colour[1:] if len(colour) == 7 else "".join(one * 2 for one in colour[1:])
    red, green, blue = (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    hue, light, full = colorsys.rgb_to_hls(red, green, blue)
    turned = colorsys.hls_to_rgb(hue, NIGHT + (1 - light) * (1 - NIGHT), full)
    return "#" + "".join(f"{round(one * 255):02x}" for one in turned)
