"""Which alarm of a pair stands: the words for it come with a step, what it leaves open is what was last seen."""

from dataclasses import replace
from decimal import Decimal

from solvent.orders.arbitrage import Alarm


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


__all__ = ["standing"]
