"""Our positions against a venue's account: what agrees, what differs, what only one side has."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from solvent.core.account import Account, Kind, Side
from solvent.core.facts import Adopted, Adoption
from solvent.core.numbers import decimal_of
from solvent.positions.book import Book
from solvent.positions.grains import subtract
from solvent.positions.position import Key

ENTRY_TOLERANCE = Decimal("0.000001")
"""Relative: a venue derives its entry from figures it has rounded, or cuts it to a few decimals."""


class Verdict(StrEnum):
    MATCHED = "matched"
    DIFFERING = "differing"
    MISSING = "missing"
    """The venue holds it, we do not."""
    UNEXPECTED = "unexpected"
    """We hold it, the venue does not."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One position on both sides. Sizes are signed, 0 where nothing is held; entries None where not known."""

    key: Key
    verdict: Verdict
    our_size: Decimal
    their_size: Decimal
    our_entry: Decimal | None
    their_entry: Decimal | None
    size_agrees: bool
    entry_agrees: bool | None
    """None where one of the two does not say."""

    @property
    def difference(self) -> Decimal:
        """Theirs less ours."""
        return subtract(self.their_size, self.our_size)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Every position that either side holds."""

    venue: str
    account: str
    as_of: int | None
    items: tuple[Difference, ...]

    def _of(self, verdict: Verdict) -> tuple[Difference, ...]:
        return tuple(item for item in self.items if item.verdict is verdict)

    @property
    def matched(self) -> tuple[Difference, ...]:
        return self._of(Verdict.MATCHED)

    @property
    def differing(self) -> tuple[Difference, ...]:
        return self._of(Verdict.DIFFERING)

    @property
    def missing(self) -> tuple[Difference, ...]:
        return self._of(Verdict.MISSING)

    @property
    def unexpected(self) -> tuple[Difference, ...]:
        return self._of(Verdict.UNEXPECTED)

    @property
    def agrees(self) -> bool:
        return len(self.matched) == len(self.items)


def theirs(
    account: Account, name: str = "", venue: str | None = None, *, hedged: bool = False
) -> dict[Key, Adopted]:
    """What the venue holds, by our keys. Two sides of one symbol, or `hedged`, make keys with sides."""
    label = str(account.venue) if venue is None else venue
    held = [p for pool in account.pools for p in pool.positions if p.kind is Kind.PERP and p.size]
    sides: dict[str, set[Side]] = {}
    for p in held:
        sides.setdefault(p.instrument, set()).add(p.side)
    sums: dict[Key, tuple[Fraction, Fraction | None]] = {}
    for p in held:
        side = p.side if hedged or len(sides[p.instrument]) > 1 else None
        key = Key(label, name, p.instrument, side)
        size, cost = sums.get(key, (Fraction(0), Fraction(0)))
        cost = None if cost is None or p.entry is None else cost + p.size * p.entry
        sums[key] = (size + p.size, cost)
    return {
        key: Adopted(
            symbol=key.symbol,
            quantity=decimal_of(size, 30),
            entry_price=decimal_of(cost / size, 30) if cost and cost / size > 0 else None,
            position_side=key.side,
        )
        for key, (size, cost) in sums.items()
        if size
    }


def reconcile(
    book: Book,
    account: Account,
    *,
    name: str = "",
    venue: str | None = None,
    entry_tolerance: Decimal = ENTRY_TOLERANCE,
) -> Reconciliation:
    """Compare (POS-RECON). `name` is the account's in our book; `venue` ours where it is not the account's own."""
    label = str(account.venue) if venue is None else venue
    ours = {
        p.key: p for p in book.open() if p.venue == label and p.account == name and not _is_spot(p.symbol, account)
    }
    stated = theirs(account, name, label, hedged=any(key.side for key in ours))
    items = []
    for key in dict.fromkeys([*ours, *stated]):
        mine, other = ours.get(key), stated.get(key)
        our_size = Decimal(0) if mine is None else mine.quantity
        their_size = Decimal(0) if other is None else other.quantity
        our_entry = None if mine is None else mine.entry_price
        their_entry = None if other is None else other.entry_price
        same_entry = _entries_agree(our_entry, their_entry, entry_tolerance)
        if mine is None:
            verdict = Verdict.MISSING
        elif other is None:
            verdict = Verdict.UNEXPECTED
        else:
            same = our_size == their_size and same_entry is not False
            verdict = Verdict.MATCHED if same else Verdict.DIFFERING
        items.append(
            Difference(
                key, verdict, our_size, their_size, our_entry, their_entry, our_size == their_size, same_entry
            )
        )
    return Reconciliation(label, name, account.as_of, tuple(items))


def _is_spot(symbol: str, account: Account) -> bool:
    known = account.instruments.get(symbol)
    return known is not None and known.kind is Kind.SPOT


def _entries_agree(ours: Decimal | None, their: Decimal | None, tolerance: Decimal) -> bool | None:
    if ours is None or their is None:
        return None
    return abs(Fraction(ours) - Fraction(their)) <= Fraction(tolerance) * Fraction(their)


def adoption(
    account: Account,
    reason: str,
    *,
    name: str = "",
    venue: str | None = None,
    book: Book | None = None,
    symbols: tuple[str, ...] | None = None,
    time: int | None = None,
) -> Adoption:
    """The fact that puts the venue's state in place of ours: `book.apply(adoption(account, "..."))`.

    With a `book`, an entry that agrees with ours is left as ours: it is the more exact one.
    """
    label = str(account.venue) if venue is None else venue
    hedged = book is not None and any(p.key.side for p in book.open() if p.venue == label and p.account == name)
    stated = theirs(account, name, label, hedged=hedged)
    if book is not None:
        agreed = {d.key for d in reconcile(book, account, name=name, venue=label).matched if d.entry_agrees}
        stated = {k: _size_only(a) if k in agreed else a for k, a in stated.items()}
    return Adoption(
        venue=label,
        account=name,
        positions=tuple(stated.values()),
        symbols=symbols,
        time=account.as_of if time is None else time,
        reason=reason,
    )


def _size_only(stated: Adopted) -> Adopted:
    return Adopted(symbol=stated.symbol, quantity=stated.quantity, position_side=stated.position_side)


__all__ = ["ENTRY_TOLERANCE", "Difference", "Reconciliation", "Verdict", "adoption", "reconcile", "theirs"]
