"""Where a push goes, as its caller says it."""

import re
from dataclasses import dataclass

from prefgen.errors import Problem, RecipeError

MAIN = "main"
_PR = re.compile(r"refs/pr/\d+")
_NAME = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9_])?", re.ASCII)
"""One half of a repository's name, as the Hub's clients have it."""
LONGEST = 96
"""Characters of a repository's name, its owner's and the slash between them included."""


@dataclass(frozen=True)
class Target:
    """A dataset ``repo`` (``owner/name``) and how it is pushed to.

    ``public`` makes it public, where it is private else; ``revision`` is a branch (made where it is not there) or a
    pull request that goes on (``refs/pr/3``); ``pr`` opens a new one against main; ``gated`` is ``auto`` or ``manual``.
    """

    repo: str
    public: bool = False
    revision: str = ""
    pr: bool = False
    gated: str = ""

    @property
    def branch(self) -> str:
        """What the commit goes on top of."""
        return self.revision or MAIN

    @property
    def owner(self) -> str:
        """Who has the repository."""
        return self.repo.partition("/")[0]

    @property
    def is_pr(self) -> bool:
        """Whether the branch is that of a pull request that is there."""
        return bool(_PR.fullmatch(self.branch))


def checked(target: Target) -> Target:
    """The target itself. Raises RecipeError for what no Hub would take."""
    wrong = [problem for problem in (_name(target.repo), _options(target)) if problem]
    if wrong:
        raise RecipeError(wrong)
    return target


def _name(repo: str) -> Problem | None:
    halves = repo.split("/")
    if len(halves) != 2:
        return Problem("", "", f"{repo!r:.120} is no name of a dataset on the Hub", "it looks like owner/name")
    sound = all(_NAME.fullmatch(half) for half in halves) and len(repo) <= LONGEST and not repo.endswith(".git")
    cure = f"letters, digits, - _ and . alone, no -- or .., none of them at an end, {LONGEST} characters at most"
    return None if sound else Problem("", "", f"{repo!r:.120} is no name of a dataset on the Hub", cure)


def _options(target: Target) -> Problem | None:
    if target.gated not in {"", "auto", "manual"}:
        return Problem("", "", f"--gated {target.gated!r:.60}", "choose from auto, manual")
    if target.pr and target.branch != MAIN:
        cure = f"push into {target.revision} without --pr, or open one without --revision"
        return Problem("", "", "--pr opens a pull request against main", cure)
    if target.pr and target.gated:
        return Problem("", "", "--gated is a setting of the dataset, and --pr changes none", "leave one of them out")
    bad = target.branch.startswith(("-", "/")) or not re.fullmatch(r"[\w./-]+", target.branch, re.ASCII)
    if bad or (target.branch.startswith("refs/") and not target.is_pr):
        cure = "name a branch, such as v2, or a pull request, such as refs/pr/3"
        return Problem("", "", f"--revision {target.branch!r:.120} is no branch", cure)
    return None
