"""The Hub as a push asks it: few questions, each tried again where its fault passes.

Nothing here needs Xet or shuns it: files go by ``preupload_lfs_files`` and ``create_commit``, which take either way.
"""

import json
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from prefgen.errors import Problem, RecipeError, TryAgain
from prefgen.hub.changes import There
from prefgen.hub.faults import Say, Sleep, given_up, retrying, told
from prefgen.hub.files import MANIFEST

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo

Made = TypeVar("Made")
KIND = "dataset"
PATIENCE = 300.0
"""Seconds without a byte from the Hub after which a connection is given up; the library itself would wait for ever."""


class Hub:
    """The user's Hub. Raises RecipeError where no token is set or HF_HUB_OFFLINE is, ProviderError where it refuses."""

    def __init__(self, repo: str, say: Say = lambda _: None, sleep: Sleep = time.sleep) -> None:
        from huggingface_hub import HfApi

        self.repo, self.say, self.sleep, self.token = repo, say, sleep, _token()
        self.api = HfApi(token=self.token, library_name="prefgen")

    def ask(self, question: Callable[[], Made]) -> Made:
        """The answer to a question, which may be put again and again."""
        try:
            found: Made = retrying(self.say, self.sleep)(self._told, question)
        except TryAgain as e:
            raise given_up(e) from e
        return found

    def _told(self, question: Callable[[], Made]) -> Made:
        with quietly(self.say):
            try:
                return question()
            except Exception as e:  # whatever it is, it is told or raised as it is
                ours = told(e, self.repo, self.token)
                if ours is e:
                    raise
                raise ours from e

    # --- what is there ---

    def who(self) -> Mapping[str, Any]:
        """The account of the token."""
        found: Mapping[str, Any] = self.ask(self.api.whoami)
        return found

    def info(self) -> "DatasetInfo | None":
        """The repository; None where there is none that the token may see."""
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

        def asked() -> "DatasetInfo | None":
            try:
                return self.api.dataset_info(self.repo)
            except GatedRepoError:
                raise
            except RepositoryNotFoundError:
                return None

        return self.ask(asked)

    def head(self, branch: str) -> str | None:
        """The commit that a branch or pull request is at; None where there is no such branch."""
        from huggingface_hub.errors import RevisionNotFoundError

        def asked() -> str | None:
            try:
                return self.api.dataset_info(self.repo, revision=branch).sha
            except RevisionNotFoundError:
                return None

        return self.ask(asked)

    def tree(self, commit: str) -> dict[str, There]:
        """The files of a commit."""
        from huggingface_hub import RepoFile

        def asked() -> dict[str, There]:
            entries = self.api.list_repo_tree(self.repo, recursive=True, revision=commit, repo_type=KIND)
            files = [entry for entry in entries if isinstance(entry, RepoFile)]
            return {one.path: There(one.size, one.blob_id, one.lfs.sha256 if one.lfs else None) for one in files}

        return self.ask(asked)

    def last(self, commit: str, tree: Mapping[str, There]) -> dict[str, Mapping[str, object]]:
        """The files of the last push, with their hashes, as its manifest tells; none where none was."""
        if MANIFEST not in tree:
            return {}

        def asked() -> bytes:
            from huggingface_hub import get_session, hf_hub_url
            from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

            url = hf_hub_url(self.repo, MANIFEST, repo_type=KIND, revision=commit, endpoint=self.api.endpoint)
            answer = get_session().get(url, headers=build_hf_headers(token=self.token, library_name="prefgen"))
            hf_raise_for_status(answer)
            return bytes(answer.content)

        try:
            found = json.loads(self.ask(asked)).get("files", {})
        except (ValueError, AttributeError, RecursionError):
            return {}
        sound = found if isinstance(found, dict) else {}
        return {path: one for path, one in sound.items() if isinstance(one, dict)}

    def fetch(self, commit: str, paths: Sequence[str], folder: Path) -> None:
        """Brings files of a commit into a folder."""
        download, names = self.api.snapshot_download, list(paths)
        how: dict[str, Any] = {"repo_type": KIND, "revision": commit, "allow_patterns": names, "local_dir": folder}
        self.ask(lambda: download(self.repo, **how))

    def pull_requests(self, author: str) -> list[str]:
        """The open pull requests of somebody, as revisions."""

        def asked() -> list[str]:
            found = self.api.get_repo_discussions(
                self.repo, author=author, discussion_type="pull_request", discussion_status="open", repo_type=KIND
            )
            return [f"refs/pr/{one.num}" for one in found]

        return self.ask(asked)

    def check_card(self, text: str) -> None:
        """Lets the Hub look at a card's YAML. Raises RecipeError for what it does not take."""
        from huggingface_hub import DatasetCard

        def asked() -> None:
            try:
                DatasetCard(text, ignore_metadata_errors=False).validate(repo_type=KIND)
            except ValueError as e:
                raise RecipeError([Problem("", "", f"the Hub does not take the card's YAML: {_errors(str(e))}")]) from e

        self.ask(asked)

    def check_write(self) -> None:
        """Raises ProviderError where the token may not write to the repository."""
        self.ask(lambda: self.api.auth_check(self.repo, repo_type=KIND, write=True))


def _errors(said: str) -> str:
    """What validate-yaml told, in a line."""
    try:
        return "; ".join(str(one["message"]) for one in json.loads(said)["errors"])
    except (ValueError, KeyError, TypeError):
        return " ".join(said.split())[:300]


def _token() -> str:
    """The user's token. Raises RecipeError where there is none, or no going online."""
    from huggingface_hub import get_token, is_offline_mode

    if is_offline_mode():
        raise RecipeError([Problem("", "", "HF_HUB_OFFLINE is set, and a push needs the Hub", "unset it")])
    token = get_token()
    if not token:
        cure = "set HF_TOKEN to one with write right, or run `hf auth login`"
        raise RecipeError([Problem("", "", "a push needs a token of the Hub, and none is set", cure)])
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise RecipeError([Problem("", "", "HF_TOKEN holds characters that no token has", "set it again")])
    return token


@contextmanager
def quietly(say: Say) -> Iterator[None]:
    """The library with an end to its patience, and without bars and lines of its own, which may hold signed addresses;
    its warnings are told.
    """
    from huggingface_hub import get_session
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from huggingface_hub.utils import logging as lines

    session = get_session()
    waits, session.timeout = session.timeout, PATIENCE
    before, shown = lines.get_verbosity(), not are_progress_bars_disabled()
    lines.set_verbosity(logging.CRITICAL)
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        try:
            disable_progress_bars()
            noted.clear()
            yield
        finally:
            session.timeout = waits
            lines.set_verbosity(before)
            if shown:
                enable_progress_bars()
    for one in dict.fromkeys(str(warning.message) for warning in noted if issubclass(warning.category, UserWarning)):
        say(f"note: {' '.join(one.split())[:300]}")
