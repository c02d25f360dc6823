"""What everything together was worth over time, and which part of a change was earned.

A flow is money that came in or went out; profit is what is left of a change without the flows:

    profit = equity now - equity before - flows between
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from solvent.core.numbers import decimal_of
from solvent.treasury.balances import PAR, Key, WalletBalance, total


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Money that came into (positive) or left a chain or venue at `at` (milliseconds). `id` names it for ever.

    `inferred`: seen as a change of a plain wallet, which earns nothing by itself.
    """

    chain: str
    account: str = ""
    id: str
    asset: str
    amount: Decimal
    at: int
    inferred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceSnapshot:
    """All rows at one moment. `usdc_balance` is their sum; `complete` False: some of it is old or not known."""

    at: int
    usdc_balance: Decimal
    rows: tuple[WalletBalance, ...]
    stale: tuple[str, ...]
    """Chains that were counted with their last known figures."""
    unknown: tuple[str, ...]
    """Chains that could not be counted at all."""

    @property
    def complete(self) -> bool:
        return not self.stale and not self.unknown


def capture(rows: Iterable[WalletBalance], at: int) -> BalanceSnapshot:
    """Sum every chain and venue."""
    rows = tuple(sorted(rows, key=lambda r: r.key))
    return BalanceSnapshot(
        at=at,
        usdc_balance=total(rows),
        rows=rows,
        stale=tuple(r.chain for r in rows if r.stale and r.usdc_balance is not None),
        unknown=tuple(r.chain for r in rows if r.usdc_balance is None),
    )


def wallet_flow(before: WalletBalance | None, after: WalletBalance) -> Flow | None:
    """What came into or left a plain wallet between two looks; None where nothing did, or nobody knows."""
    if before is None or before.usdc_balance is None or after.usdc_balance is None or after.as_of is None:
        return None
    change = after.usdc_balance - before.usdc_balance
    if change == 0:
        return None
    return Flow(
        chain=after.chain,
        account=after.account,
        id=f"seen@{after.as_of}",
        asset=after.asset,
        amount=change,
        at=after.as_of,
        inferred=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One point of the equity curve, since the first: `flows` in and out, `profit` what was earned.

    `growth` is the worth of one unit put in at the start, flows taken out of it; None once equity was not above 0.
    """

    at: int
    equity: Decimal
    flows: Decimal
    profit: Decimal
    growth: Fraction | None
    complete: bool


def equity_curve(snapshots: Sequence[BalanceSnapshot], flows: Iterable[Flow]) -> tuple[CurvePoint, ...]:
    """The curve of snapshots in time. A source that joins later joins as a flow: it was not earned."""
    ordered = sorted(snapshots, key=lambda s: s.at)
    if not ordered:
        return ()
    moved = sorted(flows, key=lambda f: f.at)
    points = [_point(ordered[0], Decimal(0), Decimal(0), Fraction(1))]
    for before, after in pairwise(ordered):
        last = points[-1]
        joined = _joined(before, after)
        since = _flows(moved, before, after, joined) + sum(joined.values(), Decimal(0))
        earned = after.usdc_balance - before.usdc_balance - since
        growth = None
        if last.growth is not None and before.usdc_balance > 0:
            grown = last.growth * (1 + Fraction(earned) / Fraction(before.usdc_balance))
            growth = grown if grown > 0 else None
        points.append(_point(after, last.flows + since, last.profit + earned, growth))
    return tuple(points)


def _point(of: BalanceSnapshot, flows: Decimal, profit: Decimal, growth: Fraction | None) -> CurvePoint:
    return CurvePoint(
        at=of.at, equity=of.usdc_balance, flows=flows, profit=profit, growth=growth, complete=of.complete
    )


def _worth(of: BalanceSnapshot) -> Mapping[Key, Decimal]:
    return {r.key: r.usdc_balance for r in of.rows if r.usdc_balance is not None}


def _joined(before: BalanceSnapshot, after: BalanceSnapshot) -> dict[Key, Decimal]:
    """What sources are worth that came into the sum, less what those were worth that dropped out of it."""
    old, new = _worth(before), _worth(after)
    came = {key: worth for key, worth in new.items() if key not in old}
    return came | {key: -worth for key, worth in old.items() if key not in new}


def _flows(
    moved: Sequence[Flow], before: BalanceSnapshot, after: BalanceSnapshot, joined: Mapping[Key, Decimal]
) -> Decimal:
    """Flows of the sources that were in both sums, by the time their figures were true."""
    old = {(r.chain, r.account): r for r in before.rows}
    new = {(r.chain, r.account): r for r in after.rows}
    aside = {key[:2] for key in joined}
    counted = Decimal(0)
    for flow in moved:
        place = (flow.chain, flow.account)
        if place in aside or flow.asset not in PAR:
            continue
        first, last = old.get(place), new.get(place)
        since = before.at if first is None or first.as_of is None else first.as_of
        until = after.at if last is None or last.as_of is None else last.as_of
        if since < flow.at <= until:
            counted += flow.amount
    return counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """The deepest fall from a peak: `fraction` of growth, flows taken out; `money` of profit."""

    fraction: Decimal | None
    money: Decimal
    peak_at: int
    trough_at: int


def drawdown(curve: Sequence[CurvePoint]) -> Drawdown | None:
    """None without a point. The moments are those of the fall in money."""
    if not curve:
        return None
    high = curve[0]
    worst, peak_at, trough_at = Decimal(0), high.at, high.at
    top, deepest = Fraction(1), Fraction(0)
    for point in curve:
        high = point if point.profit > high.profit else high
        if high.profit - point.profit > worst:
            worst, peak_at, trough_at = high.profit - point.profit, high.at, point.at
        if point.growth is not None:
            top = max(top, point.growth)
            deepest = max(deepest, 1 - point.growth / top)
    blind = any(point.growth is None for point in curve)
    return Drawdown(
        fraction=None if blind else decimal_of(deepest), money=worst, peak_at=peak_at, trough_at=trough_at
    )


__all__ = [
    "BalanceSnapshot",
    "CurvePoint",
    "Drawdown",
    "Flow",
    "capture",
    "drawdown",
    "equity_curve",
    "wallet_flow",
]
