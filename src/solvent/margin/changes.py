"""What might be done to an account, as values."""

from dataclasses import dataclass
from fractions import Fraction

from solvent.core.account import Mode, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A fill: signed `size` of an instrument. What is None comes from the account.

    `fee_rate` is the taker fee as a fraction of notional. `side` picks the position in hedge mode.
    """

    instrument: str
    size: Fraction
    price: Fraction | None = None
    leverage: Fraction | None = None
    mode: Mode | None = None
    fee_rate: Fraction | None = None
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """Close a position, or `quantity` (> 0) of it, at `price` or the mark."""

    instrument: str
    quantity: Fraction | None = None
    price: Fraction | None = None
    fee_rate: Fraction | None = None
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class SetLeverage:
    instrument: str
    leverage: Fraction
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class MoveMargin:
    """Move margin into (`amount` > 0) or out of an isolated position."""

    instrument: str
    amount: Fraction
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """Deposit (`amount` > 0) into or withdraw from the cross pool, in the account's money."""

    amount: Fraction


Change = Trade | Close | SetLeverage | MoveMargin | Transfer
