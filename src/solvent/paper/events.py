"""What an exchange tells its streams, in the order it happened."""

from dataclasses import dataclass

from solvent.paper.orders import FundingPaid, Moved, Order, Trade
from solvent.paper.prices import Step


@dataclass(frozen=True, slots=True)
class Stepped:
    """New prices."""

    time: int
    step: Step


@dataclass(frozen=True, slots=True)
class Traded:
    time: int
    account: str
    trade: Trade


@dataclass(frozen=True, slots=True)
class Printed:
    """A public trade: one execution, as the tape shows it. `sign` is the taker's."""

    time: int
    symbol: str
    sign: int
    size: int
    price: int
    tape: int


@dataclass(frozen=True, slots=True)
class OrderChanged:
    time: int
    account: str
    order: Order


@dataclass(frozen=True, slots=True)
class Paid:
    """Funding."""

    time: int
    account: str
    payment: FundingPaid


@dataclass(frozen=True, slots=True)
class MoneyMoved:
    time: int
    account: str
    move: Moved


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """Leverage, margin mode or position mode; `symbol` "" is the account's."""

    time: int
    account: str
    symbol: str
    what: str


Happened = Stepped | Traded | Printed | OrderChanged | Paid | MoneyMoved | SettingsChanged
