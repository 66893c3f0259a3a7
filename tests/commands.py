"""Commands of prefgen, one after another in one process of their own: starting one takes longer than what it does here."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHILD = """
import contextlib, io, json, os, sys, traceback
from prefgen.cli import main
shown = []
for folder, words in json.load(sys.stdin):
    os.chdir(folder)
    sys.argv = ["prefgen", *words]
    out, told, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
        try:
            main()
        except SystemExit as e:
            code = e.code
        except BaseException:
            traceback.print_exc()
            code = "traceback"
    shown.append((code, out.getvalue(), told.getvalue()))
json.dump(shown, sys.stdout)
"""

Said = tuple[int, str, str]
"""A command's exit code ("traceback" for a fault that nobody foresaw), and what it said on stdout and stderr."""


def commanded(words: Sequence[tuple[Path, Sequence[str]]], **more: str) -> list[Said]:
    """What came of each command, run in its folder, with ``more`` in the environment."""
    asked = json.dumps([(str(folder), list(line)) for folder, line in words])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    child = [sys.executable, "-c", CHILD]
    done = subprocess.run(child, input=asked, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [(code, out, told) for code, out, told in json.loads(done.stdout)]
