"""What an account is: a venue's facts in one shape. Numbers are exact fractions, sizes are signed.

Nothing here computes: the margin room does. A fact that a venue did not state is `None`, never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

LAST_MS: Final = 253_402_300_800_000
"""The year 10000: a stamp at or beyond it is no count of milliseconds."""


class Venue(StrEnum):
    HYPERLIQUID = "hyperliquid"
    NADO = "nado"
    BYBIT = "bybit"
    BINGX = "bingx"


class Mode(StrEnum):
    CROSS = "cross"
    ISOLATED = "isolated"


class Side(StrEnum):
    LONG = "long"
    SHORT = "short"

    @property
    def sign(self) -> int:
        return 1 if self is Side.LONG else -1

    @classmethod
    def of(cls, size: Fraction) -> "Side":
        return cls.LONG if size >= 0 else cls.SHORT


class Level(StrEnum):
    """What a pool must cover: to open, or to stay open."""

    INITIAL = "initial"
    MAINTENANCE = "maintenance"


class Kind(StrEnum):
    PERP = "perp"
    SPOT = "spot"


@dataclass(frozen=True, slots=True)
class Tier:
    """From `lower` (inclusive) up, a position of notional n must hold `rate * n - deduction`.

    `lower` and `deduction` in the pool's money, `rate` a fraction. `max_leverage` caps what may be set.
    """

    lower: Fraction
    rate: Fraction
    deduction: Fraction
    max_leverage: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Weights:
    """Health weights: a balance counts amount * price * weight of its side."""

    long_initial: Fraction
    long_maintenance: Fraction
    short_initial: Fraction
    short_maintenance: Fraction

    def at(self, level: Level, long: bool) -> Fraction:
        match level, long:
            case Level.INITIAL, True:
                return self.long_initial
            case Level.INITIAL, False:
                return self.short_initial
            case Level.MAINTENANCE, True:
                return self.long_maintenance
            case _:
                return self.short_maintenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One perpetual or spot asset. What the bundle does not say is None."""

    name: str
    venue_id: int | None = None
    """The venue's own number of it, where it has one."""
    kind: Kind = Kind.PERP
    underlying: str
    price: Fraction | None = None
    size_step: Fraction | None = None
    price_tick: Fraction | None = None
    lowest_price: Fraction | None = None
    highest_price: Fraction | None = None
    """Bounds of what a price may be; Bybit states no liquidation price at or beyond them."""
    min_size: Fraction | None = None
    min_notional: Fraction | None = None
    max_size: Fraction | None = None
    leverage_step: Fraction | None = None
    max_leverage: Fraction | None = None
    tiers: tuple[Tier, ...] = ()
    tiers_source: str = "unknown"
    max_notional: Fraction | None = None
    """Above this no tier exists: larger positions are not allowed."""
    weights: Weights | None = None
    taker_fee: Fraction | None = None
    isolated_only: bool = False
    strict_isolated: bool = False
    inverse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One held position or spot balance, as the venue states it.

    `size` in base units, signed; `price` is the price margin is computed at (mark, or oracle on Nado);
    `entry` the exact average entry where it is known. `origin` maps a field to where the bundle says it.
    """

    instrument: str
    kind: Kind = Kind.PERP
    size: Fraction
    price: Fraction
    entry: Fraction | None = None
    leverage: Fraction | None = None
    max_leverage: Fraction | None = None
    side: Side
    vquote: Fraction = Fraction(0)
    """Nado only: the perp's own quote ledger; part of the pool's cash."""
    origin: Mapping[str, str] = field(default_factory=dict)

    @property
    def notional(self) -> Fraction:
        return abs(self.size) * self.price

    @property
    def unrealized_pnl(self) -> Fraction | None:
        return None if self.entry is None else self.size * (self.price - self.entry)


@dataclass(frozen=True, slots=True)
class Collateral:
    """Whether the pool's cash is all there is. `outside` is money that stands behind the pool elsewhere."""

    status: str = "known"
    """"known", "estimate" (what stands outside was inferred) or "unknown" (nobody says how much does)."""
    outside: Fraction = Fraction(0)
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Cash and the positions that share it: equity = cash + sum of size * price."""

    name: str
    mode: Mode
    cash: Fraction
    positions: tuple[Position, ...]
    collateral: Collateral = Collateral()
    numeraire: str = "USD"
    cash_origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A resting order. `size` is signed: buying is positive."""

    instrument: str
    size: Fraction
    price: Fraction
    reduce_only: bool = False
    side: Side | None = None
    """Hedge mode only: which of the two positions it belongs to."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A figure as the venue printed it. `kind` picks how close is the same: money, price or ratio."""

    value: Decimal | None
    kind: str
    origin: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader of the figures must know. `code` is for programs."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """All that a bundle says about one account.

    `orders` is None where resting orders were not recorded. `terms` holds the few words a venue's rules
    need beyond this shape (Bybit's regime, for one).
    """

    venue: Venue
    as_of: int | None
    """Capture time, milliseconds since 1970 UTC."""
    pools: tuple[Pool, ...]
    instruments: Mapping[str, Instrument]
    orders: tuple[Order, ...] | None = None
    reported: Mapping[str, Reported] = field(default_factory=dict)
    limits: Mapping[str, Fraction] = field(default_factory=dict)
    """The venue's own largest order, `instrument/buy` or `instrument/sell` -> size."""
    leverages: Mapping[str, Fraction] = field(default_factory=dict)
    """Leverage settings of instruments without a position."""
    terms: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def pool(self, name: str) -> Pool | None:
        return next((pool for pool in self.pools if pool.name == name), None)


def position_key(pool: Pool, position: Position) -> str:
    """pool/instrument/side: unique in an account."""
    return f"{pool.name}/{position.instrument}/{position.side}"


def short_keys(account: Account) -> dict[str, str]:
    """Full key -> the short form: the instrument alone where no other position has it."""
    held = [(position_key(pool, p), p.instrument) for pool in account.pools for p in pool.positions]
    names = [name for _, name in held]
    return {key: name if names.count(name) == 1 else key for key, name in held}
