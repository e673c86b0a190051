"""Atomic file writes: a reader sees the old file or the whole new one, never half of it."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EISDIR
from pathlib import Path


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success fsync it and rename it to `path`, on error remove it.

    The temporary name ends like `path`, so that writers which choose a format by the name choose the same one.
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(EISDIR, "is a folder; give the name of a file", str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary_beside(target)
    try:
        yield temporary
        _flush_to_disk(temporary)
        os.replace(temporary, target)
        _flush_to_disk(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes_atomic(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to `path` atomically."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def write_text_atomic(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` atomically, UTF-8, newlines as given."""
    write_bytes_atomic(path, text.encode("utf-8"))


def user_cache(name: str) -> Path:
    """The folder `name` of this user's cache: below FUSIONMD_CACHE, else below the user's cache directory."""
    given = os.environ.get("FUSIONMD_CACHE")
    root = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fusionmd"
    return root / name


def is_own(path: str | os.PathLike[str]) -> bool:
    """Whether a file belongs to this user (always true where files have no owners)."""
    return not hasattr(os, "getuid") or os.stat(path).st_uid == os.getuid()


def sha256_of_file(path: str | os.PathLike[str]) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _temporary_beside(target: Path) -> Path:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-", suffix=f".tmp{target.suffix}")
    os.close(handle)
    os.chmod(name, target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask())
    return Path(name)


def _umask() -> int:
    # The process's umask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
