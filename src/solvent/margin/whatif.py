"""Before and after a change, and whether the venue's rule would allow it."""

from dataclasses import dataclass

from solvent.core.account import Mode, Pool
from solvent.core.errors import Refused
from solvent.margin.change import apply
from solvent.margin.changes import Change, MoveMargin, SetLeverage
from solvent.margin.evaluate import Evaluation, PoolResult, evaluate
from solvent.margin.holdings import holding
from solvent.margin.permission import permitted
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
    allowed, code, reason = permitted(before, after, change)
    if allowed is not True and isinstance(change, SetLeverage | MoveMargin):
        raise Refused(code, reason)
    return WhatIf(change, before, after, allowed, code, reason)


def _check_removal(before: Evaluation, change: MoveMargin) -> None:
    found = holding(before.account, change.instrument, change.side)
    if found is None or found[0].mode is Mode.CROSS:
        return  # apply() says what is wrong
    free = _result(before, found[0]).figures["removable"]
    if free.value is None:
        raise Refused("removable-unknown", free.reason)
    if -change.amount > free.amount:
        raise Refused("above-removable", f"only {free.shown} can be removed from {change.instrument}")


def _result(made: Evaluation, pool: Pool) -> PoolResult:
    return next(p for p in made.pools if p.pool.name == pool.name)
