"""How this project writes: whole or not at all, and on disk when the call returns.

Every write, fsync, rename and commit of ours goes through here, so that a test can end the process before each of them
(`benchmarks/torture.py`). Files are written beside their place, synced, renamed, and the folder synced: after a crash
there is the old file or the new one (Pillai et al. 2014, OSDI, on what file systems promise).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

before: Callable[[str], None] | None = None  # set by a test: called with each step's name before it happens


def step(name: str) -> None:
    """Say that a step comes now."""
    if before is not None:
        before(name)


def replace(path: Path, write: Callable[[Path], object], *, mode: int = 0o600, beside: str = ".tmp") -> None:
    """Let `write` write a file and put it at `path`. `beside` ends the name that it is written under until then."""
    temporary = path.with_name(f".{path.name}{beside}")
    temporary.unlink(missing_ok=True)
    step(f"write {path.name}")
    try:
        write(temporary)
        temporary.chmod(mode)
    except Exception:
        temporary.unlink(missing_ok=True)
        raise
    rename(temporary, path)


def replace_text(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Put a text (UTF-8) at `path`."""
    replace(path, lambda temporary: temporary.write_text(text, encoding="utf-8"), mode=mode)


def rename(source: Path, target: Path) -> None:
    """Put a whole file or folder in its place, in one step."""
    sync(source)
    step(f"rename {target.name}")
    source.replace(target)
    sync(target.parent)


def sync(path: Path) -> None:
    """What was written to a file, or renamed in a folder, is on disk."""
    step(f"sync {path.name}")
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append(path: Path, line: bytes) -> None:
    """Add a line; a file that ends within a line (a crash did that) gets an end of line first."""
    is_new = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(handle).st_size
        is_torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        step(f"append {path.name}")
        left = (b"\n" if is_torn else b"") + line + b"\n"
        while left:  # a disk that is nearly full takes a part, and says so at the next try
            left = left[os.write(handle, left) :]
        step(f"sync {path.name}")
        os.fsync(handle)
    finally:
        os.close(handle)
    if is_new:
        sync(path.parent)


def commit(connection) -> None:
    """Commit a DuckDB transaction."""
    step("commit")
    connection.execute("commit")


def remove(folder: Path) -> None:
    """Take a folder away, if it is there. Raises OSError where something of it stays."""
    step(f"remove {folder.name}")
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise OSError(f"{folder} could not be taken away whole")


def point(link: Path, target: str) -> None:
    """Let a symbolic link point to `target`, in one step."""
    temporary = link.with_name(f".{link.name}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target, target_is_directory=True)
    step(f"point {link.name}")
    temporary.replace(link)
    sync(link.parent)
