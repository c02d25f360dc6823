"""Accounts: cash, positions, orders, and what each trade does to them. Exact integers; money is conserved.

A pocket's `cash` is signed and includes the cost of what it holds: equity = cash + sum of size * mark.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from solvent.paper.orders import FundingPaid, Moved, Order, Trade
from solvent.paper.units import part, times

KEPT: Final = 10_000
"""Trades, payments and finished orders that are kept for each account: what the venues keep."""


@dataclass(slots=True)
class Holding:
    """One position. `cost` is the signed sum of size * price of what is open; entry = cost / size."""

    symbol: str
    leg: str = "net"
    size: int = 0
    cost: int = 0
    isolated: bool = False
    cash: int = 0
    """Isolated only: the pocket's own signed cash."""
    opened: int = 0
    realized: int = 0
    """Gross P&L since it was opened."""
    fees: int = 0
    funding: int = 0
    """Cash received as funding since it was opened."""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def sign(self) -> int:
        return (self.size > 0) - (self.size < 0)

    def value(self, mark: int) -> int:
        return times(self.size, mark)

    def notional(self, mark: int) -> int:
        return abs(times(self.size, mark))

    def pnl(self, mark: int) -> int:
        return times(self.size, mark) - self.cost

    def equity(self, mark: int) -> int:
        """Of an isolated pocket."""
        return self.cash + times(self.size, mark)


@dataclass(slots=True)
class Account:
    """`cash` is that of the cross pool; other assets and settings are the venue's own affair."""

    name: str
    cash: int = 0
    holdings: dict[tuple[str, str], Holding] = field(default_factory=dict)
    """By (symbol, leg); flat ones are removed."""
    orders: dict[int, Order] = field(default_factory=dict)
    """Live orders by number, oldest first."""
    history: deque[Order] = field(default_factory=lambda: deque(maxlen=KEPT))
    """Orders that are done, oldest first."""
    trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=KEPT))
    funding: deque[FundingPaid] = field(default_factory=lambda: deque(maxlen=KEPT))
    moves: deque[Moved] = field(default_factory=lambda: deque(maxlen=KEPT))
    client_ids: dict[str, int] = field(default_factory=dict)
    """Client id -> number, of live orders and of those in `history`."""
    leverage: dict[tuple[str, str], int] = field(default_factory=dict)
    """By (symbol, leg), in units; what is absent is the venue's default."""
    isolated: set[str] = field(default_factory=set)
    """Symbols whose next position is isolated."""
    volume: int = 0
    fees: int = 0
    realized: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def held(self, symbol: str, leg: str = "net") -> Holding | None:
        return self.holdings.get((symbol, leg))

    def size(self, symbol: str, leg: str = "net") -> int:
        held = self.holdings.get((symbol, leg))
        return held.size if held else 0

    def cross(self) -> list[Holding]:
        return [h for h in self.holdings.values() if not h.isolated]

    def pockets(self) -> list[Holding]:
        return [h for h in self.holdings.values() if h.isolated]


@dataclass(frozen=True, slots=True)
class Booked:
    """What a trade did to a position."""

    start: int
    end: int
    closed: int
    pnl: int


def book(
    account: Account, symbol: str, leg: str, signed: int, price: int, fee: int, *, isolated: bool, now: int
) -> Booked:
    """Put a trade of `signed` size at `price` into the account. A new position is isolated if asked.

    All the cash of a cross position is the pool's; of an isolated one the pocket's, fee included. What a pocket
    gets when it grows, and gives back when it shrinks, is moved by `fund` and `release`.
    """
    held = account.holdings.get((symbol, leg))
    if held is None:
        held = Holding(symbol, leg, isolated=isolated, opened=now)
        account.holdings[symbol, leg] = held
    start = held.size
    closed = min(abs(signed), abs(start)) if start * signed < 0 else 0
    closed_signed = closed if signed > 0 else -closed
    released = -part(held.cost, closed, abs(start)) if closed else 0
    pnl = released - times(closed_signed, price) if closed else 0
    held.cost += released + times(signed - closed_signed, price)
    held.size += signed
    change = -times(signed, price) - fee
    if held.isolated:
        held.cash += change
    else:
        account.cash += change
    held.realized += pnl
    held.fees += fee
    account.fees += fee
    account.realized += pnl
    account.volume += abs(times(signed, price))
    if start * held.size < 0:
        held.opened, held.realized, held.fees, held.funding = now, 0, 0, 0
    return Booked(start, held.size, closed, pnl)


def fund(account: Account, held: Holding, amount: int) -> None:
    """Move cash between the cross pool and an isolated pocket (negative: back to the pool)."""
    held.cash += amount
    account.cash -= amount


def settle(account: Account, held: Holding) -> None:
    """A flat position is removed; what its pocket held goes back to the pool."""
    if held.size == 0:
        if held.isolated:
            fund(account, held, -held.cash)
        del account.holdings[held.symbol, held.leg]
