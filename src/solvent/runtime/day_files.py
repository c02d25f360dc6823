"""The day's file: append, all or nothing."""

from contextlib import suppress
from pathlib import Path

from solvent.runtime.files import Files


class DayFiles:
    """Appends to `audit-<day>.jsonl` of a folder, making the file when its day begins."""

    def __init__(self, files: Files, folder: Path, day: str) -> None:
        self._files = files
        self._folder = folder
        self._day = ""
        self._file: int | None = None
        self._size = 0
        self.done = 0
        """The `seq` of the last append that was done in full."""
        if day:
            self._file = files.open(self._path(day))
            self._day = day
            self._size, _ = files.state(self._file)

    def _path(self, day: str) -> Path:
        return self._folder / f"audit-{day}.jsonl"

    def append(self, day: str, data: bytes, sync: bool, seq: int) -> None:
        """Append whole lines, of which `seq` is the last; with `sync` they are durable on return.

        On any exception nothing of `data` counts: what may have reached the file is cut off again where the file
        system still allows it, and stands there as a torn or unacknowledged end where it does not.
        """
        file = self._file if day == self._day and self._file is not None else self._roll(day)
        size, names = self._files.state(file)
        if size != self._size or names == 0:
            found = "it was deleted" if names == 0 else f"it has {size} bytes where {self._size} were written"
            raise OSError(f"{self._path(day).name}: another hand changed the file: {found}")
        done = self.done
        try:
            taken = self._files.write(file, data)
            if taken != len(data):
                raise OSError(f"{self._path(day).name}: {taken} of {len(data)} bytes were written")
            if sync:
                self._files.sync(file)
            self._size, self.done = size + taken, seq
        except BaseException:
            self._size, self.done = size, done
            self._undo(file, size)
            raise

    def _roll(self, day: str) -> int:
        if self._file is not None:
            self._files.sync(self._file)
            self.close()
        file = self._files.create(self._path(day))
        self._day, self._file, self._size = day, file, 0
        self._files.sync_folder(self._folder)
        return file

    def _undo(self, file: int, size: int) -> None:
        with suppress(OSError):
            self._files.truncate(file, size)
            self._files.sync(file)

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                self._files.close(file)
