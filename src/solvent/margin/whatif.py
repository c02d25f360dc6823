"""Before and after a change, and whether the venue's rule would allow it."""

from dataclasses import dataclass

from solvent.core.account import Account, Mode, Pool, Position
from solvent.core.errors import Refused
from solvent.core.numbers import decimal_of, text
from solvent.core.tiers import allowed_leverage
from solvent.margin.change import (
    Change,
    Close,
    MoveMargin,
    SetLeverage,
    Trade,
    Transfer,
    apply,
    cross_pool,
    holding,
)
from solvent.margin.evaluate import Evaluation, PoolResult, evaluate
from solvent.margin.figures import Status
from solvent.margin.schedule import ZERO
from solvent.margin.venues import rules_for


@dataclass(frozen=True, slots=True)
class WhatIf:
    """`allowed` None: it cannot be known; `reason` says why, or what forbids it."""

    change: Change
    before: Evaluation
    after: Evaluation
    allowed: bool | None
    code: str
    reason: str


def what_if(before: Evaluation, change: Change) -> WhatIf:
    """Evaluate the account after a change. Raises Refused where the change itself makes no sense,
    or where a leverage or a transfer of margin is one that the venue refuses.
    """
    if isinstance(change, MoveMargin) and change.amount < 0:
        _check_removal(before, change)
    after = evaluate(rules_for(apply(before, change)))
    allowed, code, reason = _judge(before, after, change)
    if allowed is not True and isinstance(change, SetLeverage | MoveMargin):
        raise Refused(code, reason)
    return WhatIf(change, before, after, allowed, code, reason)


def _check_removal(before: Evaluation, change: MoveMargin) -> None:
    found = holding(before.account, change.instrument)
    if found is None or found[0].mode is Mode.CROSS:
        return  # apply() says what is wrong
    free = _result(before, found[0]).figures["removable"]
    if free.value is None:
        raise Refused("removable-unknown", free.reason)
    if -change.amount > free.amount:
        raise Refused("above-removable", f"only {free.shown} can be removed from {change.instrument}")


def _judge(before: Evaluation, after: Evaluation, change: Change) -> tuple[bool | None, str, str]:
    if isinstance(change, Transfer | Close):
        return True, "", ""
    if isinstance(change, SetLeverage) and not _lowers(before.account, change):
        return True, "", ""
    if isinstance(change, Trade) and _only_reduces(before.account, after.account, change):
        return True, "", "the fill only reduces the position"
    if isinstance(change, Trade):
        above = _above_tier(after, change)
        if above:
            return False, "tier", above
        code, wrong = _no_order(after, change)
        if code:
            return False, code, wrong
    reason = ""
    for result in after.pools:
        if not _touched(after, result.pool, change):
            continue
        if result.collateral.status == "unknown":
            return None, "collateral-unknown", result.collateral.reason
        reason = reason or result.collateral.reason
        free = result.figures["free_margin"]
        if free.status is Status.UNKNOWN:
            return None, "free-margin-unknown", free.reason
        if result.pool.mode is Mode.ISOLATED and not isinstance(change, SetLeverage):
            continue  # its margin came with the fill; what binds is where it came from
        try:
            held = after.rules.order_margin(result.pool) if result.pool.mode is Mode.CROSS else ZERO
        except Refused as refusal:
            return None, refusal.code, str(refusal)
        short = free.amount + result.collateral.outside - held
        if short < 0:
            shown = text(decimal_of(short, 6))
            less = f", less {text(decimal_of(held, 6))} for resting orders," if held else ""
            return False, "margin", f"free margin of pool {result.pool.name}{less} would be {shown}"
    return True, "", reason


def _lowers(account: Account, change: SetLeverage) -> bool:
    """Whether the setting falls: only that asks for margin."""
    found = holding(account, change.instrument)
    return found is None or found[1].leverage is None or change.leverage < found[1].leverage


def _touched(after: Evaluation, pool: Pool, change: Trade | SetLeverage | MoveMargin) -> bool:
    """Whether the change asks something of this pool: the one it is held in, or the cross pool that pays."""
    if any(p.instrument == change.instrument for p in pool.positions):
        return True
    return not isinstance(change, SetLeverage) and pool.name == cross_pool(after.account, change.instrument).name


def _above_tier(after: Evaluation, change: Trade) -> str:
    """What is wrong where the position has grown past the tier that allows its leverage; else empty."""
    position = _size(after.account, change)
    if position is None or position.leverage is None:
        return ""
    most = allowed_leverage(after.rules.leverage_tiers(position), position.notional)
    if most is None or position.leverage <= most:
        return ""
    return f"{change.instrument}: leverage {position.leverage} is above the {most} allowed at that size"


def _no_order(after: Evaluation, change: Trade) -> tuple[str, str]:
    """Code and words where the market takes no order of this size; else empty."""
    market = after.account.instruments.get(change.instrument)
    if market is None:
        return "", ""
    size = abs(change.size)
    if market.size_step and size % market.size_step:
        return "size-step", f"{change.instrument}: sizes go in steps of {text(decimal_of(market.size_step))}"
    price = change.price or market.price
    if market.min_size and size < market.min_size:
        return "minimum", f"{change.instrument}: an order is at least {text(decimal_of(market.min_size))}"
    if market.min_notional and price and size * price < market.min_notional:
        return (
            "minimum",
            f"{change.instrument}: an order is worth at least {text(decimal_of(market.min_notional))}",
        )
    return "", ""


def _only_reduces(before: Account, after: Account, change: Trade) -> bool:
    old, new = _size(before, change), _size(after, change)
    return old is not None and old.size * change.size < 0 and (new is None or new.size * old.size > 0)


def _size(account: Account, change: Trade) -> Position | None:
    try:
        found = holding(account, change.instrument, change.side)
    except Refused:
        return None
    return found[1] if found else None


def _result(made: Evaluation, pool: Pool) -> PoolResult:
    return next(p for p in made.pools if p.pool.name == pool.name)
