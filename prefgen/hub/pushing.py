"""A push: look, upload what is missing, make one commit, and look again before anything is tried a second time.

Uploaded blobs belong to no commit until there is one, so that a push that is broken off leaves nothing half done on any
branch, and the next one finds what was uploaded. A commit names its parent: where its answer is lost, or somebody else
was first, the branch has moved, and what is there now says which.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from prefgen import folders
from prefgen.card.licences import LICENCES
from prefgen.errors import Interrupted, Problem, ProviderError, RecipeError, RunError
from prefgen.folders import home_of, locked
from prefgen.hub.account import Standing, standing
from prefgen.hub.api import KIND, Hub
from prefgen.hub.changes import Change, change, check_loaded, holds, others
from prefgen.hub.faults import AGAIN, MovedError, Say, Sleep
from prefgen.hub.files import CARD, MANIFEST, File, addresses, files, read
from prefgen.hub.growing import grown
from prefgen.hub.target import MAIN, Target, checked
from prefgen.pages import written
from prefgen.recipe import Recipe

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

REBASES = 1
"""How often a commit is made up anew on what somebody else left."""


@dataclass(frozen=True)
class Pushed:
    """What came of a push: where the dataset is, the commit that holds it (empty for a dry run of a new one), what was
    changed for it, and whether this push made the commit.
    """

    url: str
    commit: str
    change: Change = field(default_factory=Change)
    made: bool = False
    creates: bool = False


def check(target: Target, recipe: Recipe, *, say: Say = lambda _: None, sleep: Sleep = time.sleep) -> None:
    """Whether a push of what this recipe will make can succeed. Sends no byte of it.

    Raises RecipeError for a wrong name, option, licence or language, no token, or being offline; ProviderError for what
    the Hub refuses.
    """
    if not recipe.write:
        raise RecipeError(
            [Problem(recipe.where(), "", "the recipe writes no dataset to push", "name its tables in write:")]
        )
    hub = Hub(checked(target).repo, say, sleep)
    at = standing(hub, target, recipe.license, say)
    head = hub.head(target.branch if at.branch else MAIN) if at.exists else None
    if head:
        tree = hub.tree(head)
        configs = {*recipe.write, *(["preferences_text"] if "preferences" in recipe.write else [])}
        check_loaded([f"{config}/" for config in configs], others(tree, hub.last(head, tree)))
    licence = recipe.license.strip().lower()
    stated = {"license": licence} if licence in LICENCES - {"other"} else {}  # the card names any other
    hub.check_card(f"---\n{written({'pretty_name': recipe.name, **stated, 'language': list(recipe.language)})}---\n")


def push(
    run: str | Path,
    target: Target,
    *,
    append: bool = False,
    dry_run: bool = False,
    say: Say = lambda _: None,
    sleep: Sleep = time.sleep,
) -> Pushed:
    """Pushes a run's dataset, card, pictures, recipe and public run.json in one commit; or says what it would change.

    What is there already is not sent again: a repeat without changes makes no commit. With ``append`` the rows of the
    last push stay, and those that are not among them come in files of their own; else the run takes their place.
    ``sleep`` waits so many seconds between tries. Raises as ``check`` does, and RunError for a run that was changed.
    """
    place, hub = Path(run), Hub(checked(target).repo, say, sleep)
    told = read(place)
    home = home_of(place)
    folders.check(home, named=True)
    try:
        with locked(home), TemporaryDirectory(prefix="prefgen-") as folder:
            work = _looked(place, told, hub, target)
            if append:
                work.grow(told, Path(folder))
            return work.rehearsed() if dry_run else work.done()
    except KeyboardInterrupt:
        raise Interrupted(f"stopped; what was uploaded is kept. {AGAIN}") from None


def _looked(place: Path, told: Mapping[str, Any], hub: Hub, target: Target) -> "_Push":
    """A push that can succeed, before a byte of it is sent."""
    found = files(place)
    card = _text(found[CARD])
    at = standing(hub, target, _licence(card), hub.say)
    hub.check_card(card)
    _tell_addresses(found, addresses(told), hub.say)
    return _Push(hub, target, at, found, f"{told.get('recipe')}, by prefgen {told.get('prefgen')}")


@dataclass
class _Push:
    """One push at work."""

    hub: Hub
    target: Target
    at: Standing
    files: Mapping[str, File]
    title: str
    base: str = ""
    grows: bool = False

    def grow(self, told: Mapping[str, Any], work: Path) -> None:
        """Goes on from what is there, and from that alone."""
        self.grows = True
        branch = self.target.branch if self.at.branch else MAIN
        if head := self.hub.head(branch) if self.at.exists else None:
            self.base, self.files = head, grown(self.hub, head, told, self.files, work)

    def rehearsed(self) -> Pushed:
        """What would be changed."""
        base = self.target.branch if self.at.branch else MAIN
        head = self.hub.head(base) if self.at.exists else None
        found = self._change(head) if head else change(self.files, {}, {})
        _tell(found, self.hub.say)
        return Pushed(self._url(), head or "", found, creates=not self.at.exists)

    def done(self) -> Pushed:
        """Pushes; settings that open what is pushed come last, those that close it first."""
        self._prepare()
        pushed = self._pushed()
        self._publish()
        return pushed

    def _pushed(self) -> Pushed:
        first: Change | None = None
        for turn in range(REBASES + 2):  # the last look is for a commit whose answer was lost
            head = self._head()
            found = Change(same=tuple(self.files.values())) if head.startswith("refs/") else self._change(head)
            if not found:
                return Pushed(self._url(head), head, first or found, made=first is not None, creates=not self.at.exists)
            if turn > REBASES:
                break
            if self.grows and (head != self.base if self.base else MANIFEST in self.hub.tree(head)):
                raise ProviderError(f"somebody else has pushed to {self.target.repo} meanwhile; {AGAIN}")
            if first is not None:
                self.hub.say("somebody else has pushed there meanwhile; going on from what is there now")
            first = found
            _tell(found, self.hub.say)
            with suppress(MovedError):
                return self._whole(self._commit(head, found))
        raise ProviderError(f"somebody else keeps pushing to {self.target.repo}; {AGAIN}")

    def _whole(self, pushed: Pushed) -> Pushed:
        """Raises ProviderError where a commit does not hold all that went into it."""
        with suppress(ProviderError):  # a commit so young may not be there for all to see
            tree = self.hub.tree(pushed.commit)
            if out := [path for path, file in self.files.items() if not holds(tree, file)]:
                what = f"the Hub left out of the commit what a .gitignore there names: {_few(out)}"
                raise RunError(f"{what}; change that file on the Hub, then push again")
        return pushed

    # --- the repository ---

    def _prepare(self) -> None:
        """The repository and the branch, where they are not there yet."""
        api, repo, branch = self.hub.api, self.target.repo, self.target.branch
        if not self.at.exists:
            private = not self.target.public
            self.hub.ask(lambda: api.create_repo(repo, repo_type=KIND, private=private, exist_ok=True))
        if self.target.gated and self.target.gated != self.at.gated:
            gated = self.target.gated
            self.hub.ask(lambda: api.update_repo_settings(repo, gated=gated, repo_type=KIND))  # type: ignore[arg-type]
        if branch != MAIN and not self.at.branch:
            self.hub.ask(lambda: api.create_branch(repo, branch=branch, repo_type=KIND, exist_ok=True))

    def _publish(self) -> None:
        """Makes public what was private, now that it is whole."""
        if self.target.public and self.at.exists and self.at.private and not self.target.pr:
            api, repo = self.hub.api, self.target.repo
            self.hub.ask(lambda: api.update_repo_settings(repo, private=False, repo_type=KIND))

    def _head(self) -> str:
        """The commit to go on from; or, for a new pull request, the one of ours that holds all of it already."""
        for revision in self.hub.pull_requests(self.at.me) if self.target.pr else ():
            head = self.hub.head(revision)
            if head and not self._change(head):
                return revision
        head = self.hub.head(self.target.branch)
        if head is None:
            raise ProviderError(f"{self.target.repo} has no {self.target.branch} any more; {AGAIN}")
        return head

    def _change(self, head: str) -> Change:
        tree = self.hub.tree(head)
        return change(self.files, tree, self.hub.last(head, tree))

    def _url(self, at: str = "") -> str:
        page = f"{self.hub.api.endpoint}/datasets/{self.target.repo}"
        if at.startswith("refs/pr/"):
            return f"{page}/discussions/{at.removeprefix('refs/pr/')}"
        return page if self.target.branch == MAIN else f"{page}/tree/{self.target.branch}"

    # --- the commit ---

    def _commit(self, head: str, found: Change) -> Pushed:
        """Uploads what is new and makes the commit. Raises MovedError where the branch is at ``head`` no more."""
        from huggingface_hub import CommitOperationDelete

        big = [file for file in found.to_send if not file.is_text]
        adds = [self._uploaded(file, f"{place} of {len(big)}") for place, file in enumerate(big, 1)]
        adds += [self._added(file) for file in found.to_send if file.is_text]
        operations: list[CommitOperationAdd | CommitOperationDelete] = [*adds]
        operations += [CommitOperationDelete(path, is_folder=False) for path in found.delete]
        commit, tries = self.hub.api.create_commit, 0

        def asked() -> Pushed:
            nonlocal tries
            tries += 1
            if tries > 1 and self._head() != head:  # the commit may have been made, and its answer lost
                raise MovedError(f"{self.target.repo} has moved; {AGAIN}")
            made = commit(
                self.target.repo,
                operations,
                commit_message=self.title,
                repo_type=KIND,
                revision=self.target.branch,
                create_pr=self.target.pr,
                parent_commit=head,
            )
            return Pushed(made.pr_url or self._url(), made.oid, found, made=True, creates=not self.at.exists)

        return self.hub.ask(asked)

    def _uploaded(self, file: File, place: str) -> "CommitOperationAdd":
        """A file whose bytes are on the Hub before there is a commit."""
        operation, api, target = self._added(file), self.hub.api, self.target
        how: dict[str, Any] = {
            "repo_type": KIND,
            "revision": target.branch,
            "create_pr": target.pr,
            "free_memory": False,
        }
        self.hub.say(f"uploading {place}: {file.path} ({file.size:,} bytes)")
        self.hub.ask(lambda: api.preupload_lfs_files(target.repo, [operation], **how))
        return operation

    def _added(self, file: File) -> "CommitOperationAdd":
        from huggingface_hub import CommitOperationAdd

        operation = CommitOperationAdd(file.path, file.source)
        operation.upload_info.sha256 = bytes.fromhex(file.sha256)  # known: large files are not read for it again
        return operation


def _text(card: File) -> str:
    return card.source.decode() if isinstance(card.source, bytes) else card.source.read_text(encoding="utf-8")


def _licence(card: str) -> str:
    """The licence that a card states. Raises RecipeError for a card whose YAML cannot be read."""
    from huggingface_hub import DatasetCard

    try:
        data = DatasetCard(card, ignore_metadata_errors=False).data
    except ValueError as e:
        what = "the card's YAML cannot be read"
        raise RecipeError([Problem("", "", what, "run the recipe again, which asks nothing anew")]) from e
    return str(data.get("license") or "")


def _tell(found: Change, say: Say) -> None:
    """What a push does to what others put there."""
    if found.theirs:
        say(f"note: others changed these on the Hub, and they are to be as the run has them: {_few(found.theirs)}")
    if found.left:
        say(f"note: what is on the Hub and not prefgen's is left as it is: {_few(found.left)}")


def _few(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    return ", ".join(paths[:5]) + more


def _tell_addresses(found: Mapping[str, File], urls: set[str], say: Say) -> None:
    """Names the addresses that a recipe publishes with its models."""
    texts = [_text(file) for path, file in found.items() if path.endswith((".md", ".yaml"))]
    for url in sorted(url for url in urls if any(url in text for text in texts)):
        say(f"note: {url} stands in the recipe, and is pushed with it")
