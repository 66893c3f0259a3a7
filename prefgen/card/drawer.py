"""What draws: charts as Vega-Lite's JSON in, PNG or SVG out, by vl-convert. No browser, no network, the same bytes each
time.

It runs as a script too, in a process of its own that draws until its stdin ends, and imports nothing of ours: each line
is ``png`` or ``svg`` and a chart; for each there comes the size of the picture, as a line, and the picture.
"""

import json
import sys

SCALE = 2.0
"""Pixels of a picture that stand for one of the chart's."""


def png(chart: str) -> bytes:
    """A chart as PNG."""
    import vl_convert

    drawn: bytes = vl_convert.vegalite_to_png(chart, scale=SCALE, allowed_base_urls=[])
    return drawn


def svg(chart: str) -> bytes:
    """A chart as SVG."""
    import vl_convert

    return vl_convert.vegalite_to_svg(chart, allowed_base_urls=[]).encode()


FORMS = {"png": png, "svg": svg}


def main() -> None:
    """Draws what stdin says; the argument says where modules lie."""
    sys.path[:] = json.loads(sys.argv[1])
    for line in sys.stdin.buffer:
        form, _, chart = line.decode().partition(" ")
        picture = FORMS[form](chart)
        sys.stdout.buffer.write(b"%d\n%b" % (len(picture), picture))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
