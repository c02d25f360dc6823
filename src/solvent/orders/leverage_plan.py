"""From what was read of each leg to one target and an action for each: a pure function of its facts."""

from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction

from solvent.core.account import Mode, Side
from solvent.core.facts import OrderSide
from solvent.core.numbers import common_step, decimal_of, text
from solvent.core.tiers import allowed_leverage
from solvent.orders.leverage import (
    TOLERANCE,
    Action,
    LegFacts,
    LegPlan,
    LeveragePlan,
    OpenPositions,
    Policy,
    Reason,
    Refusal,
    SyncRequest,
    matches,
    sided,
)
from solvent.orders.leverage_safety import distance_at, free_collateral, safety_in

ONE = Decimal(1)
ZERO = Fraction(0)


def plan_leverage(request: SyncRequest, facts: Iterable[LegFacts], as_of: float = 0.0) -> LeveragePlan:
    """The target and each leg's action. Where a leg cannot follow it is refused, and with it the whole plan."""
    found = tuple(facts)
    target = request.leverage if request.leverage is not None else max_common(found)
    legs = tuple(_leg(one, target, request.policy) for one in found)
    return LeveragePlan(request=request, target=target, legs=legs, as_of=as_of)


def max_common(facts: Iterable[LegFacts]) -> Decimal | None:
    """The highest leverage that every leg allows at its size, on the steps of all; None where one does not say."""
    most: list[Fraction] = []
    step: Fraction | None = None
    for leg in facts:
        maximum = maximum_of(leg)
        if maximum is None or leg.problem is not None:
            return None
        most.append(Fraction(maximum))
        own = step_of(leg)
        if own is not None:
            step = Fraction(own) if step is None else common_step(step, Fraction(own))
    if not most:
        return None
    highest = min(most) if step is None else min(most) // step * step
    return decimal_of(highest) if highest >= 1 else None


def step_of(leg: LegFacts) -> Decimal | None:
    """The venue's step of leverages; None where it has no setting, or does not say."""
    if leg.capabilities.leverage == "none":
        return None
    if leg.capabilities.leverage_step == "integer":
        return ONE
    stated = None if leg.state is None else leg.state.step
    return stated or (None if leg.terms is None else leg.terms.leverage_step)


def peak_notional(leg: LegFacts) -> Fraction | None:
    """The largest notional of a side once the intended fill and what rests are added; None without a mark.

    A side's resting orders count at their own price where that is higher; reduce-only ones never.
    """
    if leg.mark is None:
        needed = leg.request.size or leg.positions or leg.orders
        return None if needed else ZERO
    mark, intended = Fraction(leg.mark), Fraction(leg.request.size)
    buys = _resting(leg, OrderSide.BUY, mark) + max(intended, ZERO) * mark
    sells = _resting(leg, OrderSide.SELL, mark) + max(-intended, ZERO) * mark
    long, short = (held(leg, side) * mark for side in (Side.LONG, Side.SHORT))
    if leg.state is not None and leg.state.position_mode == "hedge":
        return max(long + buys, short + sells)
    return max(long, short, long - short + buys, short - long + sells)


def held(leg: LegFacts, side: Side) -> Fraction:
    """The size held on one side."""
    return sum((abs(Fraction(p.size)) for p in leg.positions if sided(p) is side), ZERO)


def _resting(leg: LegFacts, side: OrderSide, mark: Fraction) -> Fraction:
    return sum(
        (
            Fraction(o.quantity - o.filled) * max(Fraction(o.price or o.trigger_price or mark), mark)
            for o in leg.orders
            if o.side == side and not o.reduce_only
        ),
        ZERO,
    )


def maximum_of(leg: LegFacts) -> Decimal | None:
    """The highest leverage that venue, instrument and tier allow at the peak notional; None where nobody says."""
    stated = [
        most
        for most in (
            None if leg.state is None else leg.state.maximum,
            None if leg.terms is None else leg.terms.max_leverage,
        )
        if most is not None
    ]
    notional = peak_notional(leg)
    tiered = None if notional is None else allowed_leverage(leg.tiers, notional)
    if tiered is not None:
        # Rounded down: a tier's leverage that is no decimal must not be exceeded by its last digit.
        stated.append(decimal_of(tiered, 8, ROUND_FLOOR))
    return min(stated, default=None)


def mode_of(leg: LegFacts) -> Mode:
    """The margin mode that the leg is to have: as asked, else as it is, isolated where there is no other."""
    if leg.request.mode is not None:
        return leg.request.mode
    if leg.terms is not None and leg.terms.isolated_only:
        return Mode.ISOLATED
    return Mode.CROSS if leg.state is None else leg.state.mode


def _leg(leg: LegFacts, target: Decimal | None, policy: Policy) -> LegPlan:
    mode, maximum, notional = mode_of(leg), maximum_of(leg), peak_notional(leg)
    collateral = None
    if mode is Mode.ISOLATED and leg.mark is not None and target:
        collateral = decimal_of(_opened(leg) * Fraction(leg.mark) / Fraction(target), 12)
    refusal = (
        leg.problem
        or _mode_refused(leg, mode)
        or _target_refused(leg, target, maximum, notional)
        or (_policy_refused(leg, target, policy) if target is not None else None)
        or _collateral_refused(leg, collateral)
    )
    if refusal is None and target is not None and leg.capabilities.leverage == "none":
        refusal = _effective_refused(leg, target, mode)
    action = Action.REFUSE
    if refusal is None and target is not None:
        if leg.capabilities.leverage == "none":
            action = Action.DECLARE
        else:
            action = Action.NOTHING if matches(leg.state, target, mode) else Action.SET
    return LegPlan(
        facts=leg,
        action=action,
        mode=mode,
        maximum=maximum,
        notional=None if notional is None else decimal_of(notional, 8),
        collateral=collateral,
        refusal=refusal,
        notes=_notes(leg, maximum),
    )


def _opened(leg: LegFacts) -> Fraction:
    """How much of the intended fill opens rather than closes."""
    size = Fraction(leg.request.size)
    if leg.state is not None and leg.state.position_mode == "hedge":
        return abs(size)
    against = held(leg, Side.SHORT if size > 0 else Side.LONG)
    return max(abs(size) - against, ZERO)


def _notes(leg: LegFacts, maximum: Decimal | None) -> tuple[str, ...]:
    notes = []
    if leg.capabilities.leverage == "none":
        notes.append("the venue has no leverage setting: the effective leverage is checked after the fill")
    if maximum is None and leg.problem is None:
        notes.append("the venue does not say how much leverage it allows at this size: it decides when it is set")
    return tuple(notes)


def _mode_refused(leg: LegFacts, mode: Mode) -> Refusal | None:
    only = leg.terms is not None and leg.terms.isolated_only
    if only and mode is Mode.CROSS:
        return Refusal(
            Reason.ISOLATED_ONLY,
            f"{leg.request.instrument} takes isolated margin only",
            advice="ask for isolated, with collateral of its own",
        )
    if mode not in leg.capabilities.margin_modes:
        return Refusal(Reason.NO_SUCH_MODE, f"{leg.request.venue} has no {mode} margin")
    if leg.state is None or leg.state.mode is mode:
        return None
    if leg.capabilities.margin_mode_scope == "account":
        return Refusal(
            Reason.MODE_OF_ACCOUNT,
            f"margin is {leg.state.mode} for the whole account: to change it touches every position",
            advice="change it by itself first, with set_margin_mode",
        )
    if leg.positions or leg.orders:
        return Refusal(
            Reason.MODE_IN_USE,
            f"margin of {leg.request.instrument} is {leg.state.mode} while it has positions or orders",
            advice="close the positions and cancel the orders of the instrument first",
        )
    return None


def _target_refused(
    leg: LegFacts, target: Decimal | None, maximum: Decimal | None, notional: Fraction | None
) -> Refusal | None:
    if notional is None:
        return Refusal(Reason.NO_MARK, f"{leg.request.instrument} has no mark: its size has no value")
    if target is None:
        if maximum is None:
            return Refusal(Reason.MAXIMUM_UNKNOWN, "the venue does not say how much leverage it allows")
        return Refusal(Reason.NO_COMMON, f"up to {text(maximum)} here, and no leverage suits all legs")
    if not target.is_finite() or target < 1:
        return Refusal(Reason.BELOW_ONE, invalid(target, maximum))
    if maximum is not None and target > maximum:
        tiered = leg.terms is not None and leg.terms.max_leverage not in (None, maximum)
        why = f" It is a notional of {text(decimal_of(notional, 2))} that allows no more." if tiered else ""
        return Refusal(Reason.ABOVE_MAXIMUM, invalid(target, maximum) + why, advice="less leverage, or less size")
    step = step_of(leg)
    if step is not None and Fraction(target) % Fraction(step):
        return Refusal(Reason.OFF_STEP, f"{leg.request.venue} takes leverages in steps of {text(step)}")
    return None


def invalid(leverage: Decimal, maximum: Decimal | None, side: str = "") -> str:
    """The words for a leverage out of range; `side` is "buy" or "sell" where both were given."""
    kind = f"{side} leverage" if side else "leverage"
    most = "what the venue allows" if maximum is None else text(maximum)
    return f"Invalid {kind}: {text(leverage) if leverage.is_finite() else leverage}. Must be between 1 and {most}."


def _policy_refused(leg: LegFacts, target: Decimal, policy: Policy) -> Refusal | None:
    """Only a change can move a liquidation price: what is right already may stay whatever is open."""
    if leg.capabilities.leverage == "none" or not leg.positions or matches(leg.state, target, mode_of(leg)):
        return None
    if policy.open_positions is OpenPositions.ALLOWED:
        return None
    if policy.open_positions is OpenPositions.REFUSED:
        return Refusal(
            Reason.OPEN_POSITION,
            f"{leg.request.instrument} has an open position, and the policy refuses to change its leverage",
            advice="close it, or allow it by the policy for open positions",
        )
    found = distance_at(leg, target)
    if found is None:
        return Refusal(
            Reason.DISTANCE_UNKNOWN,
            f"how far {leg.request.instrument} would be from liquidation at {text(target)}x is not known",
        )
    if found < policy.min_distance:
        shown = f"{found * 100:.2f} %, less than {policy.min_distance * 100:.2f} %"
        return Refusal(Reason.TOO_NEAR, f"at {text(target)}x liquidation would be {shown} away")
    return None


def _effective_refused(leg: LegFacts, target: Decimal, mode: Mode) -> Refusal | None:
    """Where no setting holds it back, the pool's own leverage must be within the target."""
    found = safety_in(leg, target, mode).effective
    if found is None or found <= target * (1 + TOLERANCE):
        return None
    return Refusal(
        Reason.EFFECTIVE_ABOVE,
        f"the effective leverage would be {text(decimal_of(Fraction(found), 4))}x, above {text(target)}x",
        advice="less size, or more collateral",
    )


def _collateral_refused(leg: LegFacts, collateral: Decimal | None) -> Refusal | None:
    """An isolated position must be able to get its margin from what is free."""
    if not collateral:
        return None
    free = free_collateral(leg)
    if free is None:
        return Refusal(
            Reason.COLLATERAL_UNKNOWN, f"{text(collateral)} of isolated margin are needed; what is free is unknown"
        )
    if collateral > free:
        return Refusal(
            Reason.COLLATERAL_SHORT,
            f"{text(collateral)} of isolated margin are needed, {text(free)} are free",
            advice="more collateral, less size, or more leverage",
        )
    return None
