"""A disk that keeps count and fails on demand."""

import errno
from collections.abc import Callable
from pathlib import Path

from solvent.runtime.files import Disk


class FaultyDisk(Disk):
    """The real disk with a log of what was asked; `fail[name]` is raised (once per call) while it is set.

    `take` limits how many bytes the next write takes. `gate`, when set, is called before each sync.
    """

    def __init__(self) -> None:
        self.log: list[tuple[str, object]] = []
        self.fail: dict[str, OSError] = {}
        self.take: int | None = None
        self.gate: Callable[[], None] | None = None
        self.written: dict[int, int] = {}
        self.synced: dict[int, int] = {}

    def _maybe(self, name: str, what: object = None) -> None:
        self.log.append((name, what))
        if name in self.fail:
            raise self.fail[name]

    def make_folder(self, folder: Path) -> None:
        self._maybe("make_folder")
        super().make_folder(folder)

    def create(self, path: Path) -> int:
        self._maybe("create", path.name)
        return super().create(path)

    def open(self, path: Path) -> int:
        self._maybe("open", path.name)
        return super().open(path)

    def write(self, file: int, data: bytes) -> int:
        self._maybe("write", len(data))
        if self.take is not None:
            data = data[: self.take]
        return super().write(file, data)

    def sync(self, file: int) -> None:
        if self.gate is not None:
            self.gate()
        self._maybe("sync")
        super().sync(file)

    def sync_folder(self, folder: Path) -> None:
        self._maybe("sync_folder")
        super().sync_folder(folder)

    def truncate(self, file: int, size: int) -> None:
        self._maybe("truncate", size)
        super().truncate(file, size)


class QuickDisk(Disk):
    """Syncs nothing: for tests of what is written, of which there are many."""

    def sync(self, file: int) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


class DyingDisk(Disk):
    """Every call from the `left`-th on fails, as after a power cut."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if name in ("left", "close") or not callable(found):
            return found
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.EIO, "the power is gone")
        return found


def full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")


def broken() -> OSError:
    return OSError(errno.EIO, "Input/output error")
