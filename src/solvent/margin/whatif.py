"""Before and after a change, and whether the venue's rule would allow it."""

from dataclasses import dataclass

from solvent.core.account import Account, Mode, Pool, Position
from solvent.core.errors import Refused
from solvent.margin.change import Change, Close, MoveMargin, SetLeverage, Trade, Transfer, apply, holding
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
    if isinstance(change, Trade) and _only_reduces(before.account, after.account, change):
        return True, "", "the fill only reduces the position"
    for result in after.pools:
        if not _touched(result.pool, change.instrument):
            continue
        free = result.figures["free_margin"]
        if free.status is Status.UNKNOWN:
            return None, "free-margin-unknown", free.reason
        if result.pool.mode is Mode.ISOLATED and not isinstance(change, SetLeverage):
            continue  # its margin came with the fill; what binds is where it came from
        try:
            held = after.rules.order_margin(result.pool) if result.pool.mode is Mode.CROSS else ZERO
        except Refused as refusal:
            return None, refusal.code, str(refusal)
        if free.amount < held:
            short = free.amount - held
            return False, "margin", f"free margin of pool {result.pool.name} would be {float(short):.6f}"
    return True, "", ""


def _touched(pool: Pool, instrument: str) -> bool:
    return pool.mode is Mode.CROSS or any(p.instrument == instrument for p in pool.positions)


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
