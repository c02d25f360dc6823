"""Orders as a paper venue keeps them, and what happened to them. One order belongs to one account."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Tif(StrEnum):
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    POST_ONLY = "post_only"


class Status(StrEnum):
    NEW = "new"
    WAITING = "waiting"
    """A trigger order whose trigger has not been reached."""
    RESTING = "resting"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"

    @property
    def live(self) -> bool:
        return self in (Status.NEW, Status.WAITING, Status.RESTING)


@dataclass(slots=True)
class Trigger:
    """Fires when the mark reaches `price` from below (`above`) or from above."""

    price: int
    above: bool
    market: bool
    kind: str = ""
    """"tp" or "sl", where the venue tells them apart."""


@dataclass(slots=True, kw_only=True)
class Order:
    """`price` None is a market order; `sign` is 1 to buy; `leg` names the position it works on."""

    symbol: str
    sign: int
    size: int
    price: int | None
    tif: Tif = Tif.GTC
    leg: str = "net"
    reduce_only: bool = False
    trigger: Trigger | None = None
    client_id: str | None = None
    group: str = ""
    """Orders of one group live and die together (take-profit and stop of one position)."""
    number: int = 0
    created: int = 0
    updated: int = 0
    filled: int = 0
    filled_cost: int = 0
    """Sum of size * price of what was filled, in quote units."""
    status: Status = Status.NEW
    reason: str = ""
    """Why it was cancelled or rejected, in the engine's words; each venue has words of its own for it."""
    extra: dict[str, Any] = field(default_factory=dict)
    """What only its venue needs: appendix, digest, isolated margin."""

    @property
    def left(self) -> int:
        return self.size - self.filled


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One execution of one account. Everything in units; `closed_pnl` is gross of the fee."""

    number: int
    time: int
    symbol: str
    leg: str
    sign: int
    size: int
    price: int
    maker: bool
    fee: int
    closed: int
    """How much of the size closed a position."""
    closed_pnl: int
    start: int
    """The signed position just before."""
    end: int
    order: int
    client_id: str | None
    isolated: bool
    kind: str = "trade"
    """"trade", "liquidation", "adl" or "backstop"."""
    mark: int = 0
    tape: int = 0
    """The same for both sides of one execution: what public trades are numbered by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPaid:
    """`amount` is what the account's cash changed by."""

    number: int
    time: int
    symbol: str
    leg: str
    size: int
    price: int
    rate: int
    amount: int
    isolated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Money in or out, or between pockets. `kind`: deposit, withdraw, transfer_in, transfer_out, margin, ..."""

    number: int
    time: int
    kind: str
    asset: str
    amount: int
    symbol: str = ""
    other: str = ""
