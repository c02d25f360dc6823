"""Whether a venue would allow a change: before and after are given, the verdict is a code and a reason."""

from dataclasses import replace
from fractions import Fraction

from solvent.core.account import Account, Mode, Pool, Position
from solvent.core.errors import Refused
from solvent.core.numbers import decimal_of, text
from solvent.core.tiers import allowed_leverage
from solvent.margin.change import apply
from solvent.margin.changes import Change, Close, MoveMargin, SetLeverage, Trade, Transfer
from solvent.margin.evaluate import Evaluation, PoolResult, evaluate
from solvent.margin.figures import Status
from solvent.margin.holdings import cross_pool, holding
from solvent.margin.schedule import ZERO
from solvent.margin.size import caps_of, no_better_than_mark
from solvent.margin.venues import rules_for

Verdict = tuple[bool | None, str, str]
"""Allowed (None: it cannot be known), a code for programs, a reason for people."""


def permitted(before: Evaluation, after: Evaluation, change: Change) -> Verdict:
    """What the venue's rule says of a change."""
    match change:
        case Transfer():
            return _transfer(before, change)
        case Close():
            return _in_steps(after, change.instrument, change.quantity)
        case SetLeverage() if not _lowers(before.account, change):
            return True, "", ""
        case Trade():
            return _trade(before, after, change)
        case _:
            return _margin(after, change)


def _transfer(before: Evaluation, change: Transfer) -> Verdict:
    free = before.figures["withdrawable"]
    if change.amount > 0:
        return True, "", ""
    if free.status is Status.ESTIMATE:
        return None, "withdrawable-estimate", free.reason
    if before.account.orders is None and "withdrawable" not in before.account.reported:
        return None, "orders-unrecorded", free.reason or "resting orders were not recorded"
    return True, "", ""


def _trade(before: Evaluation, after: Evaluation, change: Trade) -> Verdict:
    old = _held(before.account, change)
    falls = change.leverage is not None and (old is None or old.leverage is None or change.leverage < old.leverage)
    if _only_reduces(old, _held(after.account, change)) and not falls:
        steps = _in_steps(after, change.instrument, abs(change.size))
        return steps if steps[0] is not True else (True, "", "the fill only reduces the position")
    formed = _well_formed(after, change)
    for found in (formed, _above_tier(after, change), _capped(before, change, old)):
        if found[0] is not True:
            return found
    verdict = _margin(_at_mark(before, after, change), change)
    if verdict[0] is True and before.account.orders is None:
        return True, "", verdict[2] or "resting orders were not recorded: assumed none"
    return verdict


def _at_mark(before: Evaluation, after: Evaluation, change: Trade) -> Evaluation:
    """The account after a fill that is no better than the mark: what it would earn is not there yet."""
    if change.price is None:
        return after
    sign = 1 if change.size > 0 else -1
    price = no_better_than_mark(before.account, change.instrument, change.price, sign)
    return after if price == change.price else evaluate(rules_for(apply(before, replace(change, price=price))))


def _margin(after: Evaluation, change: Trade | SetLeverage | MoveMargin) -> Verdict:
    """Whether the pools that the change asks something of have it."""
    reason = ""
    for result in after.pools:
        if not _touched(after, result.pool, change):
            continue
        if result.collateral.status == "unknown":
            return None, "collateral-unknown", result.collateral.reason
        reason = reason or result.collateral.reason
        if result.pool.mode is Mode.ISOLATED and not isinstance(change, SetLeverage):
            continue  # its margin came with the fill; what binds is where it came from
        verdict = _free(after, result)
        if verdict[0] is not True:
            return verdict
    return True, "", reason


def _free(after: Evaluation, result: PoolResult) -> Verdict:
    free = result.figures["free_margin"]
    if free.status is Status.UNKNOWN:
        return None, "free-margin-unknown", free.reason
    try:
        held = after.rules.order_margin(result.pool) if result.pool.mode is Mode.CROSS else ZERO
    except Refused as refusal:
        return None, refusal.code, str(refusal)
    short = free.amount + result.collateral.outside - held
    if short >= 0:
        return True, "", ""
    less = f", less {_shown(held)} for resting orders," if held else ""
    return False, "margin", f"free margin of pool {result.pool.name}{less} would be {_shown(short)}"


def _touched(after: Evaluation, pool: Pool, change: Trade | SetLeverage | MoveMargin) -> bool:
    """Whether the change asks something of this pool: the one it is held in, or the cross pool that pays."""
    if any(p.instrument == change.instrument for p in pool.positions):
        return True
    if isinstance(change, SetLeverage) and not after.rules.leverage_moves_margin:
        return False
    if isinstance(change, MoveMargin) and change.amount < 0:
        return False
    return pool.name == cross_pool(after.account, change.instrument).name


def _lowers(account: Account, change: SetLeverage) -> bool:
    """Whether the setting falls: only that asks for margin."""
    found = holding(account, change.instrument, change.side)
    return found is None or found[1].leverage is None or change.leverage < found[1].leverage


def _above_tier(after: Evaluation, change: Trade) -> Verdict:
    """Whether the position has grown past the tier that allows its leverage."""
    position = _held(after.account, change)
    if position is None or position.leverage is None:
        return True, "", ""
    most = allowed_leverage(after.rules.leverage_tiers(position), position.notional)
    if most is None or position.leverage <= most:
        return True, "", ""
    above = f"leverage {_shown(position.leverage)} is above the {_shown(most)} allowed at that size"
    return False, "tier", f"{change.instrument}: {above}"


def _capped(before: Evaluation, change: Trade, old: Position | None) -> Verdict:
    """Whether the order is larger than the market, or the venue's own figure, allows."""
    market = before.account.instruments.get(change.instrument)
    caps = caps_of(before, change, market, old, 1 if change.size > 0 else -1)
    for name in ("notional", "order size", "venue"):
        cap = caps.get(name)
        if cap is not None and abs(change.size) > cap:
            return (
                False,
                name.replace(" ", "-"),
                f"{change.instrument}: at most {_shown(max(cap, ZERO))} by {name}",
            )
    return True, "", ""


def _in_steps(after: Evaluation, instrument: str, size: Fraction | None) -> Verdict:
    """Whether a size is a multiple of the market's step. None (all that is held) may be of any size."""
    market = after.account.instruments.get(instrument)
    if size is None or market is None or not market.size_step or size % market.size_step == 0:
        return True, "", ""
    return False, "size-step", f"{instrument}: sizes go in steps of {_shown(market.size_step)}"


def _well_formed(after: Evaluation, change: Trade) -> Verdict:
    """Whether the market takes an order of this size. What only closes may be small."""
    size, market = abs(change.size), after.account.instruments.get(change.instrument)
    steps = _in_steps(after, change.instrument, size)
    if market is None or steps[0] is not True:
        return steps
    at = change.price or market.price
    if market.min_size and size < market.min_size:
        return False, "minimum", f"{change.instrument}: an order is at least {_shown(market.min_size)}"
    if market.min_notional and at and size * at < market.min_notional:
        least = _shown(market.min_notional)
        return False, "minimum", f"{change.instrument}: an order is worth at least {least}"
    return True, "", ""


def _only_reduces(old: Position | None, new: Position | None) -> bool:
    if old is None:
        return False
    return new is None or (new.size * old.size > 0 and abs(new.size) < abs(old.size))


def _held(account: Account, change: Trade) -> Position | None:
    try:
        found = holding(account, change.instrument, change.side)
    except Refused:
        return None
    return found[1] if found else None


def _shown(value: Fraction) -> str:
    return text(decimal_of(value, 6))
