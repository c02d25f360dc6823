"""Values of single balances, as the documented utilities give them. Exact; money in quote.

The `parse_` functions take a balance row and a product row as the engine sends them (decoded JSON or objects
of the official SDK) and raise BadInput where these do not belong together.
"""

from collections.abc import Iterable
from decimal import Decimal

from solvent.core.numbers import Number, parse_decimal
from solvent.nado.account import Holding, perp_holding, same_product, spot_holding
from solvent.nado.numbers import EXACT, ZERO
from solvent.venues.nado.wire import PerpBalance, Product, SpotBalance, read_row


def calculate_spot_balance_value(amount: Number | Decimal, oracle_price: Number | Decimal) -> Decimal:
    """amount * oracle_price; negative for a borrow.

    >>> calculate_spot_balance_value("-50", 2000)
    Decimal('-100000')
    """
    return EXACT.multiply(parse_decimal(amount, "amount"), parse_decimal(oracle_price, "oracle_price"))


def calculate_perp_balance_notional_value(amount: Number | Decimal, oracle_price: Number | Decimal) -> Decimal:
    """|amount * oracle_price|.

    >>> calculate_perp_balance_notional_value(-5, 50000)
    Decimal('250000')
    """
    return calculate_spot_balance_value(amount, oracle_price).copy_abs()


def calculate_perp_balance_value(
    amount: Number | Decimal, oracle_price: Number | Decimal, v_quote_balance: Number | Decimal
) -> Decimal:
    """amount * oracle_price + v_quote_balance: what closing at the oracle price would leave.

    >>> calculate_perp_balance_value(10, 51000, -500000)
    Decimal('10000')
    """
    value = calculate_spot_balance_value(amount, oracle_price)
    return EXACT.add(value, parse_decimal(v_quote_balance, "v_quote_balance"))


def parse_spot_balance_value(balance: object, product: object) -> Decimal:
    """`calculate_spot_balance_value` of rows of the engine."""
    row, market = read_row(balance, SpotBalance, "balance"), read_row(product, Product, "product")
    same_product(row, market, "product")
    return _value(spot_holding(row, market, "balance", {}))


def parse_perp_balance_notional_value(balance: object, product: object) -> Decimal:
    """`calculate_perp_balance_notional_value` of rows of the engine."""
    return _value(_perp(balance, product)).copy_abs()


def parse_perp_balance_value(balance: object, product: object) -> Decimal:
    """`calculate_perp_balance_value` of rows of the engine."""
    perp = _perp(balance, product)
    return EXACT.add(_value(perp), perp.shown.v_quote_balance or ZERO)


def calculate_total_spot_deposits_and_borrows(
    balances: Iterable[tuple[object, object]],
) -> tuple[Decimal, Decimal]:
    """Total value of deposits and total value of borrows over (balance, product) rows; both are positive."""
    deposits = borrows = ZERO
    for balance, product in balances:
        value = parse_spot_balance_value(balance, product)
        if value > 0:
            deposits = EXACT.add(deposits, value)
        else:
            borrows = EXACT.subtract(borrows, value)
    return deposits, borrows


def calculate_total_perp_notional(balances: Iterable[tuple[object, object]]) -> Decimal:
    """Sum of the notionals of (balance, product) rows."""
    total = ZERO
    for balance, product in balances:
        total = EXACT.add(total, parse_perp_balance_notional_value(balance, product))
    return total


def calculate_total_perp_value(balances: Iterable[tuple[object, object]]) -> Decimal:
    """Sum of the values of (balance, product) rows: what closing all of them would leave."""
    total = ZERO
    for balance, product in balances:
        total = EXACT.add(total, parse_perp_balance_value(balance, product))
    return total


def _perp(balance: object, product: object) -> Holding:
    row, market = read_row(balance, PerpBalance, "balance"), read_row(product, Product, "product")
    same_product(row, market, "product")
    return perp_holding(row, market, "balance", {})


def _value(holding: Holding) -> Decimal:
    return EXACT.multiply(holding.shown.amount, holding.shown.oracle_price)
