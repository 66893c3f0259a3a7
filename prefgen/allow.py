"""What a run lets its recipe do beyond data: nothing, but for what the caller names.

A recipe may be a stranger's. It can name Python files and hosts; only its reader can let the one run and the other be
sent a key, on the command line or in Python, and never in the recipe.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Allow:
    """``code``: functions of the recipe's own files, as it names them (``my_verbs.py:long_enough``), or whole files
    (``my_verbs.py``). ``hosts``: hosts to which a key that the recipe names may go (``router.example``).
    """

    code: Sequence[str] = ()
    hosts: Sequence[str] = ()

    def runs(self, file: str, function: str) -> bool:
        """Whether a function of a recipe's file may run."""
        return file in self.code or f"{file}:{function}" in self.code


NOTHING = Allow()
"""What a caller allows who does not say."""
