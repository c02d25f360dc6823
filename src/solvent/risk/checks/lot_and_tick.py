"""Quantity and price are multiples of the instrument's steps, and within its sizes."""

from solvent.risk.situation import InstrumentFacts, Situation
from solvent.risk.verdict import NOT_APPLICABLE, Verdict, failing, passing

_PASSES = passing("lot_and_tick")
_NOT_APPLICABLE = passing("lot_and_tick", NOT_APPLICABLE)


def lot_and_tick(s: Situation) -> Verdict:
    facts, order = s.instrument, s.order
    if not isinstance(facts, InstrumentFacts):
        return _NOT_APPLICABLE
    if facts.size_step and order.quantity % facts.size_step:
        return failing("lot_and_tick", "off-lot", facts.size_step, order.quantity)
    if facts.price_tick and order.price is not None and order.price % facts.price_tick:
        return failing("lot_and_tick", "off-tick", facts.price_tick, order.price)
    if facts.min_size is not None and order.quantity < facts.min_size:
        return failing("lot_and_tick", "below-minimum-size", facts.min_size, order.quantity)
    if facts.max_size is not None and order.quantity > facts.max_size:
        return failing("lot_and_tick", "above-maximum-size", facts.max_size, order.quantity)
    return _PASSES
