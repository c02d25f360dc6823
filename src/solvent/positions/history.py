"""Append-only sets and lists that many versions of a book share, as if each had its own.

The newest version appends in place; an older one, appended to, first takes its own copy. So a book is a
value, and folding a million facts one by one stays linear.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, Generic, TypeVar

T = TypeVar("T")
MAX_COMPACT = 18
"""Ids of that many digits are kept as integers: a million of them take half the memory."""
MAX_KEPT: Final = 1_000
"""Values that a history keeps. A constant of the fold: two books of the same facts keep the same."""


def _compact(name: str) -> str | int:
    if len(name) <= MAX_COMPACT and name.isascii() and name.isdigit() and (name[0] != "0" or name == "0"):
        return int(name)
    return name


class Seen:
    """Ids in the order of their arrival. None is ever forgotten: a fact could come again after any time."""

    __slots__ = ("_count", "_ids")

    def __init__(self, names: Iterable[str] = ()) -> None:
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

    def after(self, count: int) -> list[str]:
        """The ids that came after the first `count`; takes as long as there are of them."""
        newest = islice(reversed(self._own()), max(self._count - count, 0))
        return [str(kept) for kept in newest][::-1]


class History(Generic[T]):
    """The last `MAX_KEPT` values in the order of their arrival, and how many there ever were (`count`)."""

    __slots__ = ("_first", "_items", "count")

    def __init__(self, items: Iterable[T] = (), count: int | None = None) -> None:
        given = list(items)
        self._items = given[-MAX_KEPT:]
        self.count = len(given) if count is None else count
        self._first = self.count - len(self._items)
        """The number, from 0, of the first value in `_items`."""

    def __len__(self) -> int:
        return min(self.count - self._first, MAX_KEPT)

    def __iter__(self) -> Iterator[T]:
        return iter(self.after(0))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and self.count == other.count and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def after(self, count: int) -> list[T]:
        """Those of the values kept that came after the first `count` of all."""
        start = max(count, self.count - len(self))
        return self._items[start - self._first : self.count - self._first]

    def added(self, *items: T) -> "History[T]":
        """With more at its end."""
        if not items:
            return self
        more: History[T] = History.__new__(History)
        if self._first + len(self._items) == self.count and len(self._items) < 2 * MAX_KEPT:
            more._items, more._first = self._items, self._first
        else:  # an older version, or so much to let go of that a copy pays
            more._items = self.after(0)
            more._first = self.count - len(more._items)
        more._items.extend(items)
        more.count = self.count + len(items)
        return more


__all__ = ["MAX_KEPT", "History", "Seen"]
