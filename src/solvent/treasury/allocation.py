"""How much may still be put into a position: the money of its own venue, less what is spoken for, within budgets.

Every bound is a sum of money in USD; the least of them is `usd_alloc_remaining`, and it says which one it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from solvent.core.errors import BadInput
from solvent.core.numbers import decimal_of, parse_decimal, text
from solvent.treasury.balances import PAR, WalletBalance, too_old

HOME_CHAIN: Final = "solana"
PLACES: Final = 6
"""Decimals of an allocation, rounded down: those of USDC."""
MAX_AGE_MS: Final = 300_000


class Stage(StrEnum):
    """A reservation is money that is spoken for, then money that is in the market, then free again."""

    RESERVED = "reserved"
    DEPLOYED = "deployed"
    CLOSED = "closed"
    """Out of the market, with a loss perhaps: what came back counts once the venue's balance shows it."""
    RELEASED = "released"
    """Never used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapitalReservation:
    """Money of one chain set aside for one position. `since` is when its stage began (milliseconds)."""

    id: str
    chain: str
    """Whose balance it takes from."""
    account: str = ""
    venue: str
    """Where the position is: the chain itself, or one that the home chain serves."""
    strategy: str
    instrument: str
    amount: Decimal
    stage: Stage = Stage.RESERVED
    since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """Margin that positions of an instrument hold at a venue, as the venue states it."""

    venue: str
    instrument: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """Fractions of equity, from 0 to 1; what is not named is not bounded.

    `venues` are fractions of that venue's own equity, `strategies` and `instruments` of all equity together.
    `default_*` counts for what is not named.
    """

    venues: Mapping[str, Decimal] = field(default_factory=dict)
    strategies: Mapping[str, Decimal] = field(default_factory=dict)
    instruments: Mapping[str, Decimal] = field(default_factory=dict)
    default_venue: Decimal = Decimal(1)
    default_strategy: Decimal = Decimal(1)
    default_instrument: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        for name in ("venues", "strategies", "instruments"):
            object.__setattr__(
                self, name, {k: _fraction(v, f"budgets.{name}.{k}") for k, v in getattr(self, name).items()}
            )
        for name in ("default_venue", "default_strategy", "default_instrument"):
            object.__setattr__(self, name, _fraction(getattr(self, name), f"budgets.{name}"))


def _fraction(value: object, name: str) -> Decimal:
    found = parse_decimal(value, name)
    if not 0 <= found <= 1:
        raise BadInput(name, "a fraction from 0 to 1", value)
    return found


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound on an allocation: what it allows in all, what is used of it, what is left (never below 0)."""

    name: str
    limit: Decimal
    used: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """`remaining` is `usd_alloc_remaining`, floored to six decimals; `binding` names the least bound.

    `reasons` say what counted as zero, and why.
    """

    venue: str
    chain: str
    account: str
    strategy: str
    instrument: str
    remaining: Decimal
    binding: str
    bounds: tuple[Bound, ...]
    reasons: tuple[str, ...]

    @property
    def usd_alloc_remaining(self) -> Decimal:
        """`remaining`, by the name that position code asks for."""
        return self.remaining


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """All that an allocation is decided on: rows, what is in the market, what is spoken for, and the rules."""

    balances: Sequence[WalletBalance]
    reservations: Sequence[CapitalReservation] = ()
    deployed: Sequence[Deployed] = ()
    budgets: Budgets = field(default_factory=Budgets)
    home_chain: str = HOME_CHAIN
    max_age_ms: int | None = MAX_AGE_MS
    """How old a balance may be; None: any age."""


def serving(holdings: Holdings, venue: str, account: str | None = None) -> WalletBalance | None:
    """The row whose money a position of `venue` takes: its own, or the home chain's where it has none.

    Raises BadInput where the venue has several accounts and none is named.
    """
    own = [r for r in holdings.balances if r.chain == venue]
    if not own:
        own = [r for r in holdings.balances if r.chain == holdings.home_chain]
    elif account is not None:
        own = [r for r in own if r.account == account]
    own = [r for r in own if r.asset in PAR]
    if len(own) > 1:
        names = ", ".join(sorted(f"{r.account or '(unnamed)'}/{r.asset}" for r in own))
        raise BadInput("account", f"one of {names}", account or "<not given>")
    return own[0] if own else None


def allocate(
    holdings: Holdings, *, venue: str, strategy: str, instrument: str, now: int, account: str | None = None
) -> Allocation:
    """How much more may go into this position now. Raises BadInput where the account is not plain."""
    row = serving(holdings, venue, account)
    chain = venue if row is None else row.chain
    spoken = [r for r in holdings.reservations if r.stage in (Stage.RESERVED, Stage.DEPLOYED)]
    closed = [r for r in holdings.reservations if r.stage is Stage.CLOSED]
    reasons = [why for r in holdings.balances if (why := too_old(r, now, holdings.max_age_ms))]
    missing = _unusable(row, venue, holdings, now)
    if missing and missing not in reasons:
        reasons.append(missing)
    sure = [r for r in holdings.balances if not too_old(r, now, holdings.max_age_ms)]
    worth = sum((Fraction(r.usdc_balance) for r in sure if r.usdc_balance is not None), Fraction(0))
    reasons += [f"the equity of {r.chain} is not known: {r.note}" for r in sure if r.usdc_balance is None]
    used = None if missing else row
    bounds = (
        _balance(used, [*spoken, *closed], chain),
        _venue_budget(used, holdings.budgets, spoken, chain),
        _share("strategy", strategy, holdings, worth, _sum(r for r in spoken if r.strategy == strategy)),
        _share("instrument", instrument, holdings, worth, _in_instrument(holdings, spoken, instrument)),
    )
    least = min(bounds, key=lambda b: b.left)
    return Allocation(
        venue=venue,
        chain=chain,
        account="" if row is None else row.account,
        strategy=strategy,
        instrument=instrument,
        remaining=least.left,
        binding=least.name,
        bounds=bounds,
        reasons=tuple(dict.fromkeys(reasons)),
    )


def _unusable(row: WalletBalance | None, venue: str, holdings: Holdings, now: int) -> str:
    """Why the venue's own money counts as zero; empty where it does not."""
    if row is None:
        return f"no balance of {venue}, nor of the home chain {holdings.home_chain}, is known"
    old = too_old(row, now, holdings.max_age_ms)
    if old:
        return old
    if row.available is None or row.equity is None:
        return f"the available margin of {row.chain} is not known: {row.note or 'no figure'}"
    return ""


def _bound(name: str, limit: Fraction, used: Fraction) -> Bound:
    left = max(Fraction(0), limit - used)
    return Bound(name, _down(limit), decimal_of(used), _down(left))


def _down(value: Fraction) -> Decimal:
    return decimal_of(value, PLACES, ROUND_DOWN)


def _sum(spoken: Iterable[CapitalReservation]) -> Fraction:
    return sum((Fraction(r.amount) for r in spoken), Fraction(0))


def _place(row: WalletBalance, spoken: Sequence[CapitalReservation]) -> list[CapitalReservation]:
    return [r for r in spoken if (r.chain, r.account) == (row.chain, row.account)]


def _unseen(row: WalletBalance, spoken: Sequence[CapitalReservation]) -> Fraction:
    """What the row's figures do not show yet: money that is reserved, or went out since they were true."""
    seen = row.as_of
    return _sum(r for r in _place(row, spoken) if r.stage is Stage.RESERVED or seen is None or r.since >= seen)


def _balance(row: WalletBalance | None, spoken: Sequence[CapitalReservation], chain: str) -> Bound:
    """The venue's own available margin, less what is spoken for."""
    name = f"available on {chain}"
    if row is None or row.available is None:
        return _bound(name, Fraction(0), Fraction(0))
    return _bound(name, Fraction(row.available), _unseen(row, spoken))


def _venue_budget(
    row: WalletBalance | None, budgets: Budgets, spoken: Sequence[CapitalReservation], chain: str
) -> Bound:
    """The venue's share of its own equity; what positions and orders hold there counts, ours or not."""
    share = Fraction(budgets.venues.get(chain, budgets.default_venue))
    name = f"budget of venue {chain}"
    if row is None or row.equity is None:
        return _bound(name, Fraction(0), Fraction(0))
    unseen = _unseen(row, spoken)
    ours = _sum(_place(row, spoken)) - unseen
    theirs = Fraction(0) if row.deployed is None else Fraction(row.deployed)
    return _bound(name, share * max(Fraction(0), Fraction(row.equity)), max(ours, theirs) + unseen)


def _in_instrument(holdings: Holdings, spoken: Sequence[CapitalReservation], instrument: str) -> Fraction:
    """What the instrument holds: at each venue the stated margin or our record of it, whichever is more."""
    stated: dict[str, Fraction] = {}
    for d in holdings.deployed:
        if d.instrument == instrument:
            stated[d.venue] = stated.get(d.venue, Fraction(0)) + Fraction(d.amount)
    ours = [r for r in spoken if r.instrument == instrument]
    in_market = {r.venue: Fraction(0) for r in ours} | stated
    total = Fraction(0)
    for venue, held in in_market.items():
        total += max(held, _sum(r for r in ours if r.venue == venue and r.stage is Stage.DEPLOYED))
        total += _sum(r for r in ours if r.venue == venue and r.stage is Stage.RESERVED)
    return total


def _share(kind: str, name: str, holdings: Holdings, worth: Fraction, used: Fraction) -> Bound:
    budgets = holdings.budgets
    if kind == "strategy":
        share = budgets.strategies.get(name, budgets.default_strategy)
    else:
        share = budgets.instruments.get(name, budgets.default_instrument)
    return _bound(f"budget of {kind} {name}", Fraction(share) * max(Fraction(0), worth), used)


@dataclass(frozen=True, slots=True)
class Declined:
    """A reservation that was not made; nothing is on record of it but the refusal's reasons."""

    asked: Decimal
    allocation: Allocation

    @property
    def reason(self) -> str:
        found = self.allocation
        why = f"; {'; '.join(found.reasons)}" if found.reasons else ""
        return f"asked for {text(self.asked)}, {text(found.remaining)} left by {found.binding}{why}"


def decide(
    holdings: Holdings,
    *,
    id: str,  # noqa: A002
    amount: Decimal,
    venue: str,
    strategy: str,
    instrument: str,
    now: int,
    account: str | None = None,
) -> CapitalReservation | Declined:
    """Reserve `amount` (above 0) for a position, all of it or nothing."""
    if not amount.is_finite() or amount <= 0:
        raise BadInput("amount", "a number above 0", amount)
    found = allocate(holdings, venue=venue, strategy=strategy, instrument=instrument, now=now, account=account)
    if amount > found.remaining:
        return Declined(amount, found)
    return CapitalReservation(
        id=id,
        chain=found.chain,
        account=found.account,
        venue=venue,
        strategy=strategy,
        instrument=instrument,
        amount=amount,
        since=now,
    )


__all__ = [
    "HOME_CHAIN",
    "MAX_AGE_MS",
    "Allocation",
    "Bound",
    "Budgets",
    "CapitalReservation",
    "Declined",
    "Deployed",
    "Holdings",
    "Stage",
    "allocate",
    "decide",
    "serving",
]
