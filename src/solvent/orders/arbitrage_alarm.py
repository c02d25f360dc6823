"""Which alarm of a pair stands: the words for it come with a step, what it leaves open is what was last seen."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

from solvent.orders.arbitrage import LEGS, Alarm, LegName, Subscription, own_side
from solvent.orders.arbitrage_step import PairSeen

ZERO: Final = Decimal(0)


def standing(
    before: Alarm | None, told: tuple[str, str] | None, residual: Decimal | None, now_ms: int
) -> Alarm | None:
    """The alarm after a step that told `told` (code and words; None: nothing is wrong).

    It equals `before` where there is nothing new to tell: words alone are not, each look may change them.
    Another net delta under the same code is, and the alarm keeps its time.
    """
    if told is None:
        return None
    code, message = told
    if before is None or before.code != code:
        return Alarm(code=code, message=message, residual=residual, since_ms=now_ms)
    return before if before.residual == residual else replace(before, message=message, residual=residual)


def not_ours(sub: Subscription, leg: LegName, size: Decimal) -> bool:
    """Whether a signed size is held on a side that no order of the pair can reduce.

    Where an account holds long and short apart, its orders name the leg's own side.
    """
    return _wrong(leg, size) and sub.entry is not None and sub.entry.leg(leg).hedge


def wrong_side(sub: Subscription, seen: PairSeen) -> tuple[str, str] | None:
    """What to tell where a leg holds what the pair never bought or sold."""
    sizes = {leg: seen.leg(leg).size or ZERO for leg in LEGS}
    wrong = [leg for leg in LEGS if _wrong(leg, sizes[leg])]
    if not wrong:
        return None
    apart = any(not_ours(sub, leg, sizes[leg]) for leg in wrong)
    rest = ": no order of the pair can close it, close it by hand" if apart else ""
    return "wrong-side", f"the {' and '.join(wrong)} leg is held on the wrong side{rest}"


def _wrong(leg: LegName, size: Decimal) -> bool:
    return size * own_side(leg).sign < 0


__all__ = ["not_ours", "standing", "wrong_side"]
