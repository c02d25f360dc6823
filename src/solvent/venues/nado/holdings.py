"""What a subaccount holds: balances and positions, from the bodies of engine and archive."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

from solvent.core.account import Mode
from solvent.core.errors import BadInput
from solvent.core.numbers import decimal_of
from solvent.venues import envelope
from solvent.venues.nado import wire, x18
from solvent.venues.nado.markets import QUOTE_ID, Listings
from solvent.venues.stated import VenueBalance, VenuePosition

INITIAL: Final = 0


def balances_of(info: wire.SubaccountInfo, listings: Listings) -> tuple[VenueBalance, ...]:
    """Spot balances that are not 0, the quote always. Raises BadInput.

    Of the quote, `available` is the initial health, as far as it is above 0, and `equity` the balance with the
    value of all cross positions.
    """
    at = "subaccount_info"
    made = []
    for path, balance, _ in wire.paired(info.spot_balances, info.spot_products, at, "spot"):
        amount = x18.whole(balance.balance.amount, f"{path}.balance.amount")
        if balance.product_id == QUOTE_ID:
            unsettled = sum(
                _value(p, b, pr) for p, b, pr in wire.paired(info.perp_balances, info.perp_products, at, "perp")
            )
            made.append(
                VenueBalance(
                    asset=listings.name(QUOTE_ID),
                    total=x18.of(amount),
                    available=_available(info),
                    equity=x18.of(amount + unsettled),
                )
            )
        elif amount:
            made.append(VenueBalance(asset=listings.name(balance.product_id), total=x18.of(amount)))
    return tuple(made)


def _available(info: wire.SubaccountInfo) -> Decimal | None:
    if not info.healths:
        return None
    return x18.of(max(0, x18.whole(info.healths[INITIAL].health, "subaccount_info.healths[0].health")))


def _value(path: str, balance: wire.PerpBalance, product: wire.Product | None) -> int:
    """amount * oracle price + v_quote, cut to 10^-18."""
    amount = x18.whole(balance.balance.amount, f"{path}.balance.amount")
    quote = x18.whole(balance.balance.v_quote_balance, f"{path}.balance.v_quote_balance")
    if not amount:
        return quote
    if product is None:
        raise BadInput(f"{path}.product_id", "a product in the body with this id", balance.product_id)
    price = x18.whole(product.oracle_price_x18, f"{path}.oracle_price_x18", least=0)
    worth = abs(amount) * price // x18.ONE
    return quote + (worth if amount > 0 else -worth)


Entries = Mapping[tuple[int, bool], Decimal]
"""(product, isolated) -> average entry price."""


def positions_of(
    info: wire.SubaccountInfo, isolated: list[wire.IsolatedPosition], listings: Listings, entries: Entries
) -> tuple[VenuePosition, ...]:
    """All perpetuals that are held; `mark` is the oracle price, which values them here. Raises BadInput."""
    made = []
    for path, balance, product in wire.paired(info.perp_balances, info.perp_products, "subaccount_info", "perp"):
        amount = x18.whole(balance.balance.amount, f"{path}.balance.amount")
        if amount:
            made.append(
                VenuePosition(
                    instrument=listings.name(balance.product_id),
                    size=x18.of(amount),
                    entry=entries.get((balance.product_id, False)),
                    mark=_mark(path, balance, product),
                    mode=Mode.CROSS,
                )
            )
    for index, row in enumerate(isolated):
        path = f"isolated_positions[{index}]"
        amount = x18.whole(row.base_balance.balance.amount, f"{path}.base_balance.balance.amount")
        number = row.base_balance.product_id
        if row.base_product.product_id != number:
            raise BadInput(
                f"{path}.base_product.product_id", "the id of base_balance", row.base_product.product_id
            )
        if amount:
            margin = net_margin(row, path)
            mark = _mark(path, row.base_balance, row.base_product)
            made.append(
                VenuePosition(
                    instrument=listings.name(number),
                    size=x18.of(amount),
                    entry=entries.get((number, True)),
                    mark=mark,
                    leverage=_leverage(x18.of(amount), mark, x18.of(margin)),
                    mode=Mode.ISOLATED,
                    margin=x18.of(margin),
                )
            )
    return tuple(made)


def _mark(path: str, balance: wire.PerpBalance, product: wire.Product | None) -> Decimal:
    if product is None:
        raise BadInput(f"{path}.product_id", "a product in the body with this id", balance.product_id)
    return x18.number(product.oracle_price_x18, f"{path}.oracle_price_x18", least=1)


def _leverage(size: Decimal, mark: Decimal, margin: Decimal) -> Decimal | None:
    """Notional over what backs it; None where nothing does."""
    return decimal_of(abs(Fraction(size)) * Fraction(mark) / Fraction(margin)) if margin > 0 else None


def net_margin(row: wire.IsolatedPosition, path: str) -> int:
    """What an isolated position holds, with what it has won or lost: quote + v_quote + size * oracle price."""
    quote = x18.whole(row.quote_balance.balance.amount, f"{path}.quote_balance.balance.amount")
    return quote + _value(path, row.base_balance, row.base_product)


def cash_of(row: wire.IsolatedPosition, path: str) -> int:
    """Quote and v_quote of an isolated position: what a transfer changes and a price does not."""
    quote = x18.whole(row.quote_balance.balance.amount, f"{path}.quote_balance.balance.amount")
    return quote + x18.whole(row.base_balance.balance.v_quote_balance, f"{path}.v_quote_balance")


def entries_of(body: object, subaccount: str) -> dict[tuple[int, bool], Decimal]:
    """Average entries (cost of what is open over its amount) of an `account_snapshots` answer. Raises BadInput."""
    snapshots = body.get("snapshots") if isinstance(body, Mapping) else None
    times = wire.own_snapshots(snapshots, subaccount)
    found: dict[tuple[int, bool], Decimal] = {}
    if not times:
        return found
    latest = max(times, key=lambda key: x18.whole(key, "snapshots"))
    rows = times[latest]
    if not isinstance(rows, list):
        raise BadInput("snapshots", "a list of events", f"<{type(rows).__name__}>")
    for index, row in enumerate(rows):
        path = f"snapshots[{index}]"
        raw = envelope.decode(row, wire.BalanceEvent, path)
        if "perp" not in raw.post_balance:
            continue
        balance = envelope.decode(raw.post_balance["perp"], wire.PerpBalance, f"{path}.post_balance").balance
        amount = x18.whole(balance.amount, f"{path}.amount")
        cost = wire.integer_or_none(raw.net_entry_unrealized)
        if amount and cost is not None and cost * amount > 0:
            found[raw.product_id, raw.isolated] = decimal_of(Fraction(cost, amount))
    return found
