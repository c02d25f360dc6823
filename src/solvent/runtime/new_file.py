"""Write a file whole or not at all: what reads it finds the old content or the new, never a part."""

import os
import tempfile
from pathlib import Path

from solvent.core.errors import BadInput
from solvent.runtime.files import DISK


def write_whole(path: Path, data: bytes, *, mode: int = 0o640) -> None:
    """Put `data` at `path`, durable when this returns. Raises BadInput naming the path."""
    folder = path.parent
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=folder)
    except OSError as error:
        raise BadInput(str(path), "a file in a folder that can be written", f"<{error.strerror}>") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            DISK.sync(file.fileno())
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise BadInput(str(path), "a file that can be written", f"<{error.strerror}>") from None
    DISK.sync_folder(folder)


__all__ = ["write_whole"]
