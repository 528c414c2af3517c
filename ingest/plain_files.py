"""Regular files below a folder that others may write into, opened without following a link anywhere.

A symbolic link in the inbox would pull whatever it points at (the pseudonym key, another account's files that this one
may read) into `landing/`. Files are opened folder by folder relative to the inbox, so that nothing between the look
and the read can be swapped for a link; the copy is made from what was opened.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# NONBLOCK: a named pipe without a writer must not hang.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotAFile(OSError):
    """Something that is no regular file: a link, a pipe, a device, a socket. `strerror` says what."""

    def __init__(self, why: str):
        super().__init__(0, why)


def walk(root: Path) -> Iterator[tuple[str, ...]]:
    """The parts of the place of every entry below `root` that is no folder, sorted; links are listed, not followed."""
    places = []
    for folder, _, files in os.walk(root, followlinks=False):
        parts = Path(folder).relative_to(root).parts
        names = {*files, *(entry.name for entry in os.scandir(folder) if entry.is_symlink())}
        places += [(*parts, name) for name in names]
    yield from sorted(places)


@contextlib.contextmanager
def open_plain(root: Path, place: tuple[str, ...]) -> Iterator[BinaryIO]:
    """The regular file at `place` below `root` (which itself may be a link: it is the owner's).

    Raises NotAFile for what is none, OSError for what cannot be read.
    """
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in place[:-1]:
            below = _open(part, FOLDER, folder)
            os.close(folder)
            folder = below
        handle = _open(place[-1], FILE, folder)
    finally:
        os.close(folder)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise NotAFile("not a regular file; copy the file itself here")
        yield file


def _open(name: str, flags: int, folder: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if _is_link(name, folder):
            raise NotAFile("a symbolic link, which is not followed; copy the file itself here") from None
        raise error


def _is_link(name: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False
