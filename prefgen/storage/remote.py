"""Files of a storage that fsspec reaches: object stores, and other machines' file systems."""

import secrets
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from prefgen.errors import RunError, TryAgain
from prefgen.storage.faults import no_bucket, scrubbed, status_of, told

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

S3 = {"s3", "s3a"}
AT_ONCE = {*S3, "gs", "gcs", "abfs", "abfss", "az", "oss", "memory"}
"""Where a file is there whole or not at all however it is written; elsewhere it gets its name when it is whole."""
DEADLINE, SLOWEST = 30.0, 500_000.0
"""Seconds for a request, and bytes a second of what it sends: a library's own limits do not hold while it waits to be
told to send on.
"""
PART = 50 * 2**20
"""Bytes of a part of a file that has two of them or more; smaller ones go in one request."""


class Remote:
    """A place at fsspec's end of the line. Raises what the library raises."""

    def __init__(self, url: str) -> None:
        self.fs, self.root = _opened(url)
        self.scheme = url.split("://", 1)[0].lower()
        self.part, self.deadline = PART, DEADLINE

    def put(self, name: str, content: bytes) -> None:
        """One request of S3's, which is refused where the name is there; else one look before it."""
        path = f"{self.root}/{name}"
        if self.scheme in S3:
            self._put_s3(path, content)
        elif self.has(name):
            return
        elif self.scheme in AT_ONCE:
            self.fs.pipe_file(path, content)
        else:
            self._put_renamed(path, content)

    def _put_s3(self, path: str, content: bytes) -> None:
        how = {"chunksize": self.part, "timeout": self.deadline + len(content) / SLOWEST}
        try:
            self.fs.pipe_file(path, content, mode="create", **how)
        except FileExistsError:
            return
        except OSError as e:
            if status_of(e) == 412:
                return
            if status_of(e) != 501:
                raise
            self.fs.pipe_file(path, content, **how)  # a server that knows no conditions: the same content once more

    def _put_renamed(self, path: str, content: bytes) -> None:
        folder, _, last = path.rpartition("/")
        partial = f"{folder}/.{last}.{secrets.token_hex(8)}.partial"
        self.fs.makedirs(folder, exist_ok=True)
        try:
            self.fs.pipe_file(partial, content)
            if (size := self.fs.info(partial)["size"]) != len(content):
                raise TryAgain("short", f"{size:,} of {len(content):,} bytes were written", attempts=0)
            self.fs.mv(partial, path)
        finally:
            with suppress(Exception):
                self.fs.rm_file(partial)

    def get(self, name: str) -> bytes | None:
        """In one request; the library checks that it is as long as was said."""
        how = {"max_concurrency": 1} if self.scheme in S3 else {}
        try:
            return bytes(self.fs.cat_file(f"{self.root}/{name}", **how))
        except FileNotFoundError as e:
            _check_bucket(e)
            return None

    def has(self, name: str) -> bool:
        """Asks for the file itself, and not for a listing."""
        try:
            return bool(self.fs.info(f"{self.root}/{name}")["type"] == "file")
        except FileNotFoundError as e:
            _check_bucket(e)
            return False

    def names(self, folder: str) -> Iterator[str]:
        """As they are now: no listing is remembered."""
        self.fs.invalidate_cache()
        base = f"{self.root}/{folder}".rstrip("/")
        try:
            found = self.fs.find(base)
        except FileNotFoundError as e:
            _check_bucket(e)
            return
        for path in found:
            if path.startswith(f"{base}/"):
                yield path.removeprefix(f"{self.root}/")

    def remove(self, name: str) -> None:
        """One request for each: the answer to a request for many does not say which were not removed."""
        try:
            self.fs.rm_file(f"{self.root}/{name}")
        except FileNotFoundError as e:
            _check_bucket(e)

    def tidy(self, names: Collection[str]) -> None:
        """Nothing is left: there are no folders, and what is half written is not there."""


def _check_bucket(error: FileNotFoundError) -> None:
    """What is not there is no fault, but for the bucket."""
    if no_bucket(error):
        raise error


def _opened(url: str) -> tuple["AbstractFileSystem", str]:
    """A file system of one's own, which remembers no listing and tries nothing again by itself."""
    import fsspec

    shown = scrubbed(url)
    try:
        fs, root = fsspec.core.url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)
    except ImportError as e:
        raise RunError(f"{shown}: a package for it is missing ({e}); {_package(url)}") from e
    except ValueError as e:
        raise RunError(f"{shown}: {scrubbed(str(e))}; name a folder, or a bucket such as s3://bucket/run") from e
    except Exception as e:
        raise told(e, shown) from e
    if url.lower().startswith(("s3://", "s3a://")):
        _tried_here(fs)
    return fs, root.rstrip("/")


def _package(url: str) -> str:
    return "pip install 'prefgen[s3]'" if url.lower().startswith(("s3://", "s3a://")) else "install it"


def _tried_here(fs: Any) -> None:
    """Trying again is ours: three who do it one within the other wait for minutes."""
    fs.retries = 1
    fs.config_kwargs = {"retries": {"total_max_attempts": 1, "mode": "standard"}, **fs.config_kwargs}
