"""Exposure at its worst, line by line, kept as a running sum so that a decision need not walk the book.

A line is one position and the orders that work on it: (venue, symbol, position side), the side empty where
the venue nets. Its worst case is the larger of what it would be worth if every buy filled and if every sell
did. A reduce-only order makes no position larger, but it may clear the way for another to turn it. Sums are in
the valuation asset, by the last rate of what each line is quoted in; whether that is young enough is asked apart.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from solvent.risk.contracts import LINEAR, Contract, Contracts

ZERO: Final = Decimal(0)

LineKey = tuple[str, str, str]
"""(venue, symbol, position side)"""


class Resting(NamedTuple):
    """An order that may still fill: a reservation, or one that a venue reported. `sign` is +1 for a buy.

    `price` None is a market order.
    """

    client_id: str
    key: LineKey
    sign: int
    remaining: Decimal
    price: Decimal | None
    reduce_only: bool


Fills = list[tuple[Decimal, Decimal | None]]
"""(quantity, price), price None at the market."""


def side_fills(position: Decimal, working: tuple[Resting, ...], sign: int) -> Fills:
    """What may fill of one side at its worst. Reduce-only orders count where they clear the way for others
    to turn the position: up to the position, and not otherwise.
    """
    fills: Fills = [(r.remaining, r.price) for r in working if r.sign == sign and not r.reduce_only]
    if not fills or position * sign >= 0:
        return fills
    left = abs(position)
    closing = [(r.remaining, r.price) for r in working if r.sign == sign and r.reduce_only]
    if closing and sum((q for q, _ in fills), ZERO) + sum((q for q, _ in closing), ZERO) > left:
        for quantity, price in closing:
            taken = min(quantity, left)
            left -= taken
            if taken:
                fills.append((taken, price))
    return fills


def worst_value(position: Decimal, mark: Decimal, working: tuple[Resting, ...], contract: Contract) -> Decimal:
    """The line's worst-case value: the larger of all buys filled and all sells filled, never less than held.

    What a working order adds is valued at the higher of mark and its price.
    """
    worst = held = contract.value(abs(position), mark)
    if not working:
        return worst
    for sign in (1, -1):
        fills = side_fills(position, working, sign)
        if not fills:
            continue
        if position * sign >= 0:
            side = held
            for quantity, price in fills:
                side += contract.value(quantity, mark if price is None or price < mark else price)
        else:
            beyond = sum((quantity for quantity, _ in fills), ZERO) - abs(position)
            if beyond <= 0:
                continue
            top = max(mark if price is None else price for _, price in fills)
            side = contract.value(beyond, max(mark, top))
        worst = max(worst, side)
    return worst


class Others(NamedTuple):
    """All lines but one: their worst-case value, how many they are, and symbols without a mark or a rate."""

    exposure: Decimal
    lines: int
    unknown: tuple[str, ...]


class Lines:
    """Positions, working orders and marks, with the worst-case sum kept up to date."""

    def __init__(self) -> None:
        self.positions: dict[LineKey, Decimal] = {}
        self.working: dict[LineKey, tuple[Resting, ...]] = {}
        self.marks: dict[tuple[str, str], Decimal] = {}
        self.contracts = Contracts()
        self.rates: Mapping[str, Decimal] = {"": Decimal(1)}
        """What one unit of an asset is worth in the valuation asset."""
        self.assets: dict[str, int] = {}
        """What lines are quoted and settle in, and how many do; not those of which nobody said."""
        self._assets_of: dict[LineKey, set[str]] = {}
        self._worst: dict[LineKey, Decimal] = {}
        self._blind: dict[LineKey, None] = {}
        self._total = ZERO
        self._by_symbol: dict[str, set[LineKey]] = {}
        self._marked: dict[str, tuple[str, ...]] = {}

    def marked(self, venue: str, symbol: str) -> tuple[str, str] | None:
        """Whose mark counts: the venue's own, or the one given for the symbol wherever it trades; and for what
        names no venue, the only one there is.
        """
        if (venue, symbol) in self.marks:
            return venue, symbol
        if venue:
            return ("", symbol) if ("", symbol) in self.marks else None
        homes = self._marked.get(symbol, ())
        return (homes[0], symbol) if len(homes) == 1 else None

    def mark(self, venue: str, symbol: str) -> Decimal | None:
        found = self.marked(venue, symbol)
        return None if found is None else self.marks[found]

    def home(self, key: LineKey) -> LineKey:
        """The line that an order belongs to: its own, or, where it or the line names no venue, the only one of
        its symbol and side that is held.
        """
        if key in self.positions:
            return key
        keys = self._by_symbol.get(key[1], ())
        same = [k for k in keys if k in self.positions and k[2] == key[2] and not (k[0] and key[0])]
        return same[0] if len(same) == 1 else key

    def joined(self, key: LineKey) -> tuple[LineKey, ...]:
        """Lines that hold nothing and whose orders may fill on this one: same symbol and side, and not two venues
        that are both named.
        """
        keys = self._by_symbol.get(key[1])
        if not keys or (len(keys) == 1 and key in keys):
            return ()
        return tuple(
            sorted(
                k
                for k in keys
                if k != key and k[2] == key[2] and k not in self.positions and not (k[0] and key[0])
            )
        )

    def contract(self, venue: str, symbol: str) -> Contract:
        return self.contracts.of(venue, symbol)

    def set_mark(self, venue: str, symbol: str, price: Decimal) -> None:
        if self.marks.get((venue, symbol)) == price:
            return
        if (venue, symbol) not in self.marks:
            self._marked[symbol] = (*self._marked.get(symbol, ()), venue)
        self.marks[venue, symbol] = price
        for key in self._by_symbol.get(symbol, ()):
            self._refresh(key)

    def set_contract(self, venue: str, symbol: str, contract: Contract) -> None:
        self.contracts.stated[venue, symbol] = contract
        self.contracts_changed((symbol,))

    def contracts_changed(self, symbols: Iterable[str]) -> None:
        """What `contracts` says of these symbols counts from now on."""
        for symbol in symbols:
            for key in self._by_symbol.get(symbol, ()):
                self._refresh(key)

    def set_rates(self, rates: Mapping[str, Decimal]) -> None:
        """These and no others; of what nobody named the asset, money is the account's own."""
        old, self.rates = self.rates, {**rates, "": Decimal(1)}
        changed = {asset for asset in {*old, *self.rates} if old.get(asset) != self.rates.get(asset)}
        for key in [key for key, assets in self._assets_of.items() if not changed.isdisjoint(assets)]:
            self._refresh(key)

    def set_position(self, key: LineKey, quantity: Decimal) -> None:
        if self.positions.get(key, ZERO) == quantity:
            return
        if quantity:
            self.positions[key] = quantity
        else:
            self.positions.pop(key, None)
        self._touch(key)

    def set_working(self, key: LineKey, orders: tuple[Resting, ...]) -> None:
        if orders:
            self.working[key] = orders
        elif self.working.pop(key, None) is None:
            return
        self._touch(key)

    def set_positions(self, positions: Mapping[LineKey, Decimal]) -> None:
        """These and no others."""
        for key in [k for k in self.positions if k not in positions]:
            self.set_position(key, ZERO)
        for key, quantity in positions.items():
            self.set_position(key, quantity)

    def _touch(self, key: LineKey) -> None:
        if key in self.positions or key in self.working:
            self._by_symbol.setdefault(key[1], set()).add(key)
        else:
            self._by_symbol.get(key[1], set()).discard(key)
        self._refresh(key)

    def _refresh(self, key: LineKey) -> None:
        self._total -= self._worst.pop(key, ZERO)
        self._blind.pop(key, None)
        for asset in self._assets_of.pop(key, ()):
            self._forget(asset)
        working = self.working.get(key, ())
        if key not in self.positions and not any(not r.reduce_only for r in working):
            return
        contract = self.contracts.of(key[0], key[1])
        if contract.quote or contract.settle:
            self._name(key, contract)
        mark, rate = self.mark(key[0], key[1]), self.rates.get(contract.quote)
        if mark is None or rate is None:
            self._blind[key] = None
            return
        worst = worst_value(self.positions.get(key, ZERO), mark, working, contract)
        if contract.quote:
            worst *= rate
        self._worst[key] = worst
        self._total += worst

    def _name(self, key: LineKey, contract: Contract) -> None:
        named = self._assets_of[key] = {contract.quote, contract.settle} - {""}
        for asset in named:
            self.assets[asset] = self.assets.get(asset, 0) + 1

    def _forget(self, asset: str) -> None:
        self.assets[asset] -= 1
        if not self.assets[asset]:
            del self.assets[asset]

    def others(self, key: LineKey, joined: tuple[LineKey, ...] = ()) -> Others:
        """All lines but this one and those that are joined to it."""
        blind = self._blind
        total, lines = self._total, len(self._worst) + len(blind)
        for own in (key, *joined):
            found = self._worst.get(own)
            if found is not None:
                total -= found
                lines -= 1
            elif own in blind:
                lines -= 1
        unknown = tuple(k[1] for k in blind if k != key and k not in joined) if blind else ()
        return Others(total, lines, unknown)


__all__ = [
    "LINEAR",
    "ZERO",
    "Contract",
    "Fills",
    "LineKey",
    "Lines",
    "Others",
    "Resting",
    "side_fills",
    "worst_value",
]
