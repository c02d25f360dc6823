"""All that the journal asks of a file system: a port, so that a test can stand a failing disk in its place."""

import fcntl
import os
from pathlib import Path
from typing import Protocol

_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)
"""macOS: fsync alone leaves the data in the drive's own cache."""


class Files(Protocol):
    """Any method may raise OSError. Descriptors are whatever `create` and `open` gave."""

    def make_folder(self, folder: Path) -> None:
        """Make the folder and those above it; durable."""
        ...

    def names(self, folder: Path) -> list[str]: ...

    def create(self, path: Path) -> int:
        """A new file for appending and reading; an error where it exists."""
        ...

    def open(self, path: Path) -> int:
        """An existing file, for appending and reading."""
        ...

    def lock(self, path: Path) -> int | None:
        """Lock the file (made where absent) for this process; None where another one holds it."""
        ...

    def state(self, file: int) -> tuple[int, int]:
        """Size in bytes and number of names; without a name the file was deleted."""
        ...

    def read(self, file: int, at: int, count: int) -> bytes: ...

    def write(self, file: int, data: bytes) -> int:
        """Append; the number of bytes that were taken."""
        ...

    def sync(self, file: int) -> None:
        """Return once the file's data are durable."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """Return once the folder's names are durable."""
        ...

    def truncate(self, file: int, size: int) -> None: ...

    def remove(self, path: Path) -> None: ...

    def close(self, file: int) -> None: ...


class Disk:
    """The real one."""

    def make_folder(self, folder: Path) -> None:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for one in reversed(missing):
            self.sync_folder(one.parent)

    def names(self, folder: Path) -> list[str]:
        return os.listdir(folder)

    def create(self, path: Path) -> int:
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_RDWR | os.O_CLOEXEC, 0o640)

    def open(self, path: Path) -> int:
        return os.open(path, os.O_APPEND | os.O_RDWR | os.O_CLOEXEC)

    def lock(self, path: Path) -> int | None:
        file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        except OSError:
            os.close(file)
            raise
        return file

    def state(self, file: int) -> tuple[int, int]:
        found = os.fstat(file)
        return found.st_size, found.st_nlink

    def read(self, file: int, at: int, count: int) -> bytes:
        parts = []
        while count > 0 and (part := os.pread(file, count, at)):
            parts.append(part)
            at += len(part)
            count -= len(part)
        return b"".join(parts)

    def write(self, file: int, data: bytes) -> int:
        return os.write(file, data)

    def sync(self, file: int) -> None:
        if _FULL_SYNC is not None:
            fcntl.fcntl(file, _FULL_SYNC)
        else:
            os.fsync(file)

    def sync_folder(self, folder: Path) -> None:
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def truncate(self, file: int, size: int) -> None:
        os.ftruncate(file, size)

    def remove(self, path: Path) -> None:
        os.unlink(path)

    def close(self, file: int) -> None:
        os.close(file)


DISK = Disk()
