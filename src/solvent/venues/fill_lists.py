"""What the fill lists of several venues have in common: pages, their order, and facts that name the row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any, TypeVar

from solvent.core.errors import BadInput
from solvent.core.facts import Contract, Fill, FundingPayment

Row = tuple[Mapping[str, Any], str]
F = TypeVar("F", bound=Fill | FundingPayment)


@dataclass(frozen=True, slots=True)
class FillList:
    """A venue's own list as facts, oldest first, and what its contracts are where they are not plain."""

    facts: tuple[Fill | FundingPayment, ...]
    contracts: tuple[Contract, ...] = ()


def pages(body: Any, names: Sequence[str], path: str) -> Iterator[tuple[Mapping[str, Any], list[Row]]]:
    """Each page of a body, what stands beside its list and the rows: a bare list, a response that has the list
    under one of `names`, or a list of such responses. Raises BadInput naming the place.
    """
    if isinstance(body, list):
        if body and all(isinstance(item, dict) and _inner(item, names) for item in body):
            for index, item in enumerate(body):
                yield from pages(item, names, f"{path}[{index}]")
            return
        yield {}, _rows(body, path)
        return
    found = _inner(body, names) if isinstance(body, dict) else None
    if found is None:
        raise BadInput(path, f"a list of fills, or one under {' or '.join(names)}", f"<{type(body).__name__}>")
    if isinstance(body[found], list) and not _nested(body[found], names):
        yield body, _rows(body[found], f"{path}.{found}")
    else:
        yield from pages(body[found], names, f"{path}.{found}")


def _inner(body: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if isinstance(body.get(name), list | dict)), None)


def _nested(items: list[Any], names: Sequence[str]) -> bool:
    return bool(items) and all(isinstance(item, dict) and _inner(item, names) for item in items)


def _rows(items: list[Any], path: str) -> list[Row]:
    rows: list[Row] = []
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise BadInput(f"{path}[{index}]", "an object", f"<a JSON {type(item).__name__}>")
        rows.append((item, f"{path}[{index}]"))
    return rows


def oldest_first(times: Sequence[int]) -> list[int]:
    """The indices of a page's rows, oldest first. Rows of one moment keep the page's direction; a page that
    shows none is newest first.
    """
    falling = sum(b < a for a, b in pairwise(times))
    rising = sum(b > a for a, b in pairwise(times))
    listed = range(len(times)) if rising > falling else range(len(times) - 1, -1, -1)
    return sorted(listed, key=times.__getitem__)


def joined(pages: list[list[tuple[int, F]]]) -> tuple[F, ...]:
    """The facts of several pages, each oldest first with its place in time, as one list."""
    ordered = sorted((page for page in pages if page), key=lambda page: page[0][0])
    return tuple(fact for _, fact in sorted(chain.from_iterable(ordered), key=lambda placed: placed[0]))


def milliseconds(value: object, field: str) -> int:
    """A moment as an integer or its digits. Raises BadInput."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15:
        return value
    raise BadInput(field, "milliseconds since 1970", value)
