"""What a unit of an instrument is worth, and in which assets: its notional's (quote) and its profit's (settle)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from solvent.core.numbers import text

COIN_QUOTE: Final = "USD"
"""What inverse contracts count their notional in, where nobody says otherwise."""

Home = tuple[str, str]
"""(venue, symbol); the venue "" stands for all of them."""


class Contract(NamedTuple):
    """How a quantity becomes money: `quantity * price * multiplier`, or `quantity * multiplier` inverse.

    That money is of the asset `quote`, and profit is of `settle`; "" is not known: the account's own money.
    """

    multiplier: Decimal = Decimal(1)
    inverse: bool = False
    quote: str = ""
    settle: str = ""

    def value(self, quantity: Decimal, price: Decimal) -> Decimal:
        return quantity * self.multiplier if self.inverse else quantity * price * self.multiplier


LINEAR: Final = Contract()


def contract_of(multiplier: Decimal, inverse: bool, quote: str, settle: str) -> Contract:
    """A contract with what one of its assets says of the other: a linear one settles in what it is quoted in."""
    if inverse:
        return Contract(multiplier, True, quote or (COIN_QUOTE if settle else ""), settle)
    return Contract(multiplier, False, quote or settle, settle or quote)


class Contracts:
    """Contracts by (venue, symbol): as they were stated, and what else is known of what they settle in."""

    __slots__ = ("settles", "stated")

    def __init__(
        self, stated: Mapping[Home, Contract] | None = None, settles: Mapping[Home, str] | None = None
    ) -> None:
        self.stated = dict(stated or {})
        self.settles = dict(settles or {})
        """Where fills said so."""

    def of(self, venue: str, symbol: str) -> Contract:
        """What is stated of the venue's instrument, else of the symbol wherever it trades, else a plain one."""
        found = self.stated.get((venue, symbol)) or self.stated.get(("", symbol), LINEAR)
        if found.settle or not self.settles:
            return found
        settle = self.settles.get((venue, symbol)) or self.settles.get(("", symbol))
        return found if not settle else contract_of(found.multiplier, found.inverse, found.quote, settle)

    def knows(self, venue: str, symbol: str) -> bool:
        return (venue, symbol) in self.stated or ("", symbol) in self.stated


def row_of(home: Home, contract: Contract) -> list[Any]:
    """A contract as plain data."""
    return [*home, text(contract.multiplier), contract.inverse, contract.quote, contract.settle]


def read_row(row: list[Any]) -> tuple[Home, Contract]:
    """Back from `row_of`."""
    venue, symbol, multiplier, inverse, quote, settle = row
    return (venue, symbol), Contract(Decimal(multiplier), inverse, quote, settle)
