"""What an order of an instrument must keep to, from however its facts were given."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from solvent.core.errors import BadInput
from solvent.core.numbers import decimal_of, parse_decimal
from solvent.risk.contracts import contract_of
from solvent.risk.situation import MAX_TEXT, InstrumentFacts

_STEPS = ("size_step", "price_tick", "min_size", "min_notional", "max_size")


def instrument_facts(given: Any) -> InstrumentFacts:
    """Of an account's instrument, a mapping or an object with these names. Raises BadInput.

    `quote` is the asset of price and notional, `settle` that of profit; either stands for both (except of an
    inverse contract, which is quoted in USD unless `quote` says otherwise), neither for the account's own money.
    """
    if isinstance(given, InstrumentFacts):
        return given

    def said(name: str) -> Any:
        return given.get(name) if isinstance(given, Mapping) else getattr(given, name, None)

    step, tick, least, least_notional, most = (_amount(said(name), name) for name in _STEPS)
    multiplier = _amount(said("multiplier"), "multiplier")
    quote, settle = (_asset(said(name), name) for name in ("quote", "settle"))
    unit = Decimal(1) if multiplier is None else multiplier
    contract = contract_of(unit, said("inverse") is True, quote, settle)
    return InstrumentFacts(step, tick, least, least_notional, most, contract)


def _asset(value: Any, field: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_TEXT or not (value.isprintable() or not value):
        raise BadInput(field, "the name of an asset", value)
    return value


def _amount(value: Any, field: str) -> Decimal | None:
    if value is None:
        return None
    number = decimal_of(value) if isinstance(value, Fraction) else parse_decimal(value, field)
    if number <= 0:
        raise BadInput(field, "a number above 0", str(value))
    return number
