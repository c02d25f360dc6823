"""Every figure remembers how it came about: `explain` prints this record, it computes nothing anew."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from solvent.core.numbers import decimal_of, text


class Status(StrEnum):
    OK = "ok"
    NONE = "none"
    """There is no such price: nothing on this side brings the pool down."""
    ESTIMATE = "estimate"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Given:
    """An input as the bundle (or the question) states it."""

    name: str
    value: Fraction | Decimal | str
    origin: str

    @property
    def shown(self) -> str:
        if isinstance(self.value, str):
            return self.value
        return text(self.value if isinstance(self.value, Decimal) else decimal_of(self.value))


@dataclass(frozen=True, slots=True)
class Figure:
    """A computed value, the formula that gave it, and what went in.

    `path` is dotted (`positions.BTC.liquidation_price`). `exact` is the value before `rounding`.
    """

    path: str
    value: Decimal | None
    formula: str
    inputs: tuple["Given | Figure", ...] = ()
    exact: Fraction | None = None
    rounding: str = ""
    status: Status = Status.OK
    reason: str = ""

    @property
    def shown(self) -> str:
        return str(self.status) if self.value is None else text(self.value)

    @property
    def amount(self) -> Fraction:
        """The value to compute on with. Raises LookupError where it is not known."""
        if self.value is None:
            raise LookupError(self.reason or f"{self.path} is {self.status}")
        return Fraction(self.value) if self.exact is None or self.rounding else self.exact


def figure(
    path: str,
    exact: Fraction,
    formula: str,
    *inputs: Given | Figure,
    rounding: str = "",
    rounded: Fraction | None = None,
    status: Status = Status.OK,
    reason: str = "",
) -> Figure:
    """A figure from its exact value; `rounded` is the value after the venue's own `rounding`.

    What rests on an estimate is one.
    """
    leaning = next((i for i in inputs if isinstance(i, Figure) and i.status is Status.ESTIMATE), None)
    if status is Status.OK and leaning is not None:
        status, reason = Status.ESTIMATE, reason or leaning.reason
    value = decimal_of(exact if rounded is None else rounded)
    return Figure(path, value, formula, inputs, exact, rounding, status, reason)


def unknown(path: str, formula: str, reason: str, *inputs: Given | Figure) -> Figure:
    return Figure(path, None, formula, inputs, status=Status.UNKNOWN, reason=reason)
