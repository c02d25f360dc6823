"""What happened in a run, as one hash: the same seed gives the same, byte for byte."""

from hashlib import blake2b


class Trace:
    """Takes words and bytes in order. `keep` holds the lines too, to find where two runs part."""

    def __init__(self, *, keep: bool = False) -> None:
        self._hash = blake2b(digest_size=16)
        self.lines: list[tuple[object, ...]] | None = [] if keep else None
        self.count = 0

    def add(self, *parts: object) -> None:
        self.count += 1
        for part in parts:
            data = part if isinstance(part, bytes) else str(part).encode()
            self._hash.update(len(data).to_bytes(4, "big") + data)
        if self.lines is not None:
            self.lines.append(parts)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()
