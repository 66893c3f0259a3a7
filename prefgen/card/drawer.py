"""What draws: charts as Vega-Lite's JSON in, PNG out, by vl-convert. No browser, no network, the same bytes each time.

It runs as a script too, in a process of its own, and imports nothing of ours: charts come as lines on stdin; on stdout
go the sizes of the pictures, as a line, and the pictures.
"""

import json
import sys

SCALE = 2.0
"""Pixels of a picture that stand for one of the chart's."""


def png(chart: str) -> bytes:
    """A chart as PNG."""
    import vl_convert

    drawn: bytes = vl_convert.vegalite_to_png(json.loads(chart), scale=SCALE, allowed_base_urls=[])
    return drawn


def main() -> None:
    """Draws what stdin says; the argument says where modules lie."""
    sys.path[:] = json.loads(sys.argv[1])
    pictures = [png(line) for line in sys.stdin.buffer.read().decode().splitlines()]
    sizes = json.dumps([len(one) for one in pictures]).encode()
    sys.stdout.buffer.write(b"\n".join([sizes, b"".join(pictures)]))


if __name__ == "__main__":
    main()
