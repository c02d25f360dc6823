"""Append-only sets and lists that many versions of a book share, as if each had its own.

The newest version appends in place; an older one, appended to, first takes its own copy. So a book is a
value, and folding a million facts one by one stays linear.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")
MAX_COMPACT = 18
"""Ids of that many digits are kept as integers: a million of them take half the memory."""


def _compact(name: str) -> str | int:
    if len(name) <= MAX_COMPACT and name.isascii() and name.isdigit() and (name[0] != "0" or name == "0"):
        return int(name)
    return name


class Seen:
    """Ids in the order of their arrival."""

    __slots__ = ("_count", "_ids")

    def __init__(self, names: Iterator[str] | tuple[str, ...] = ()) -> None:
        self._ids: dict[str | int, None] = dict.fromkeys(map(_compact, names))
        self._count = len(self._ids)

    def _own(self) -> dict[str | int, None]:
        if len(self._ids) != self._count:
            self._ids = dict.fromkeys(islice(self._ids, self._count))
        return self._ids

    def __contains__(self, name: str) -> bool:
        return _compact(name) in self._own()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        return map(str, islice(self._ids, self._count))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Seen) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # equal by value, and it holds a dict

    def added(self, name: str) -> "Seen | None":
        """The set with one more; None where it is there already."""
        ids, kept = self._own(), _compact(name)
        if kept in ids:
            return None
        ids[kept] = None
        more = Seen.__new__(Seen)
        more._ids, more._count = ids, self._count + 1
        return more


class History(Generic[T]):
    """Values in the order of their arrival."""

    __slots__ = ("_count", "_items")

    def __init__(self, items: Iterator[T] | tuple[T, ...] = ()) -> None:
        self._items = list(items)
        self._count = len(self._items)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        return islice(self._items, self._count)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def added(self, *items: T) -> "History[T]":
        if not items:
            return self
        base = self._items if len(self._items) == self._count else self._items[: self._count]
        base.extend(items)
        more: History[T] = History.__new__(History)
        more._items, more._count = base, len(base)
        return more


__all__ = ["History", "Seen"]
