"""What an order of an instrument must keep to, from however its facts were given."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from solvent.core.errors import BadInput
from solvent.core.numbers import decimal_of, parse_decimal
from solvent.risk.lines import Contract
from solvent.risk.situation import InstrumentFacts

_STEPS = ("size_step", "price_tick", "min_size", "min_notional", "max_size")


def instrument_facts(given: Any) -> InstrumentFacts:
    """Of an account's instrument, a mapping or an object with these names. Raises BadInput."""
    if isinstance(given, InstrumentFacts):
        return given

    def said(name: str) -> Any:
        return given.get(name) if isinstance(given, Mapping) else getattr(given, name, None)

    step, tick, least, least_notional, most = (_amount(said(name), name) for name in _STEPS)
    multiplier = _amount(said("multiplier"), "multiplier")
    contract = Contract(Decimal(1) if multiplier is None else multiplier, said("inverse") is True)
    return InstrumentFacts(step, tick, least, least_notional, most, contract)


def _amount(value: Any, field: str) -> Decimal | None:
    if value is None:
        return None
    number = decimal_of(value) if isinstance(value, Fraction) else parse_decimal(value, field)
    if number <= 0:
        raise BadInput(field, "a number above 0", str(value))
    return number
