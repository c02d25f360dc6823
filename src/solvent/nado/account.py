"""The bodies of one subaccount, decoded once: balances paired with their products, numbers as integers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

import msgspec

from solvent.core.errors import BadInput
from solvent.core.nado_pairs import SPREAD_PAIRS
from solvent.core.numbers import parse_decimal
from solvent.margin.nado_health import HealthBalance, is_zero_health
from solvent.nado.models import BalanceWithProduct
from solvent.nado.numbers import EXACT, ONE, ZERO, decimal_from_x18, to_x18
from solvent.venues.nado import wire
from solvent.venues.nado.wire import integer

BODY = "subaccount_info"
QUOTE_PRODUCT_ID: Final = 0

Names = Mapping[int, str]
"""Product id -> symbol."""
Entries = Mapping[int, Decimal | None]
"""Product id -> quote paid for the position, negative when received; None where the event's text is no number."""


class Holding(msgspec.Struct, frozen=True):
    """One balance twice: as the contract counts it, and as a reader sees it."""

    health: HealthBalance
    shown: BalanceWithProduct
    symbol: str
    zero_health: bool
    exposed: bool
    """Whether it counts as exposure: neither quote nor zero-health."""
    margin_rate: Decimal
    """|1 - initial weight| of the balance's side."""
    maintenance_weight: Decimal
    """Of the balance's side."""


@dataclass(frozen=True, slots=True)
class IsolatedHolding:
    """An isolated subaccount: quote and one perp, with the healths the venue reports for it."""

    quote: Holding
    base: Holding
    reported: tuple[int, ...]


class Positions(msgspec.Struct, frozen=True):
    """Open perps, one column per fact: what is computed of a whole column takes no step of Python per row.

    `entries` holds the quote paid for each (negative when received) where an indexer event says it.
    """

    product_ids: tuple[int, ...]
    symbols: tuple[str, ...]
    exposed: tuple[bool, ...]
    sizes: tuple[Decimal, ...]
    prices: tuple[Decimal, ...]
    quotes: tuple[Decimal, ...]
    entries: tuple[Decimal | None, ...]
    margin_rates: tuple[Decimal, ...]
    maintenance_weights: tuple[Decimal, ...]
    long_initial: tuple[Decimal, ...]
    long_maintenance: tuple[Decimal, ...]
    short_initial: tuple[Decimal, ...]
    short_maintenance: tuple[Decimal, ...]


NO_POSITIONS: Final = Positions(*[()] * len(Positions.__struct_fields__))


@dataclass(frozen=True, slots=True)
class NadoAccount:
    """A subaccount's facts. `reported` healths are only ever compared with, never computed from.

    `spots` are all spot balances that have a product, `held_spots` those that are not zero. `balances` is what
    health is made of: the held spots, the open perps in the order of `positions`, and closed perps whose quote
    ledger is not settled; `zero_health` are the places in it that hold zero-health products.
    """

    spots: tuple[BalanceWithProduct, ...]
    held_spots: tuple[Holding, ...]
    positions: Positions
    balances: tuple[HealthBalance, ...]
    zero_health: tuple[int, ...]
    isolated: tuple[IsolatedHolding, ...]
    reported: tuple[int, ...]
    entries: Entries
    pairs: tuple[tuple[int, int], ...]
    symbols: Names


def decode_account(
    subaccount_info: object,
    isolated_positions: object,
    indexer_events: object,
    symbols: object,
    health_groups: object,
) -> NadoAccount:
    """Raises BadInput naming the field."""
    info = wire.read_subaccount_info(subaccount_info)
    groups = wire.read_health_groups(health_groups)
    names = wire.read_symbols(symbols)
    entries = _entries(wire.read_events(indexer_events, info.subaccount))
    spots = tuple(_spots(info, names))
    perps = tuple(_perps(info, names))
    held_spots = [spot for spot in spots if spot.health.amount]
    opened = [perp for perp in perps if perp.health.amount]
    held = [*held_spots, *opened, *(perp for perp in perps if not perp.health.amount)]
    return NadoAccount(
        spots=tuple([spot.shown for spot in spots]),
        held_spots=tuple(held_spots),
        positions=positions_of(opened, entries),
        balances=tuple([holding.health for holding in held]),
        zero_health=tuple([place for place, holding in enumerate(held) if holding.zero_health]),
        isolated=tuple(_isolated(wire.read_isolated_positions(isolated_positions), names)),
        reported=_healths(info.healths, BODY),
        entries=entries,
        pairs=SPREAD_PAIRS if groups is None else groups,
        symbols=names,
    )


def positions_of(perps: Sequence[Holding], entries: Entries) -> Positions:
    """The perps as columns."""
    rows = [
        (
            perp.shown.product_id,
            perp.symbol,
            perp.exposed,
            perp.shown.amount,
            perp.shown.oracle_price,
            perp.shown.v_quote_balance or ZERO,
            entries.get(perp.shown.product_id),
            perp.margin_rate,
            perp.maintenance_weight,
            perp.shown.long_weight_initial,
            perp.shown.long_weight_maintenance,
            perp.shown.short_weight_initial,
            perp.shown.short_weight_maintenance,
        )
        for perp in perps
    ]
    return Positions(*zip(*rows, strict=True)) if rows else NO_POSITIONS


def _spots(info: wire.SubaccountInfo, names: Names) -> Iterator[Holding]:
    for at, row, product in wire.paired(info.spot_balances, info.spot_products, BODY, "spot"):
        if product is not None:
            yield spot_holding(row, product, at, names)
        elif integer(row.balance.amount, at, "balance.amount"):
            raise BadInput(f"{BODY}.spot_products", f"product {row.product_id}, which {at} holds", "<missing>")


def _perps(info: wire.SubaccountInfo, names: Names) -> Iterator[Holding]:
    """Open perps, and closed ones whose quote ledger is not settled: these need no price."""
    for at, row, product in wire.paired(info.perp_balances, info.perp_products, BODY, "perp"):
        amount = integer(row.balance.amount, at, "balance.amount")
        v_quote = integer(row.balance.v_quote_balance, at, "balance.v_quote_balance")
        if amount and product is None:
            raise BadInput(f"{BODY}.perp_products", f"product {row.product_id}, which {at} holds", "<missing>")
        if amount or v_quote:
            yield _holding("perp", amount, v_quote, product or _no_market(row.product_id), at, names)


def _no_market(product_id: int) -> wire.Product:
    return wire.Product(product_id, 0, wire.Risk(0, 0, 0, 0))


def _isolated(rows: Sequence[wire.IsolatedPosition], names: Names) -> Iterator[IsolatedHolding]:
    seen: set[str] = set()
    for index, row in enumerate(rows):
        at = f"isolated_positions[{index}]"
        owner = (row.subaccount or "").lower()
        if owner and owner in seen:
            raise BadInput(f"{at}.subaccount", "each isolated subaccount once", row.subaccount)
        seen.add(owner)
        yield isolated_holding(row, at, names)


def isolated_holding(row: wire.IsolatedPosition, at: str, names: Names) -> IsolatedHolding:
    """`at` is the path of the isolated position, for errors."""
    same_product(row.quote_balance, row.quote_product, f"{at}.quote_product")
    same_product(row.base_balance, row.base_product, f"{at}.base_product")
    return IsolatedHolding(
        quote=spot_holding(row.quote_balance, row.quote_product, f"{at}.quote_balance", names),
        base=perp_holding(row.base_balance, row.base_product, f"{at}.base_balance", names),
        reported=_healths(row.healths, at),
    )


def same_product(balance: wire.SpotBalance | wire.PerpBalance, product: wire.Product, at: str) -> None:
    """Raises BadInput where a balance would be valued with another product's price."""
    if balance.product_id != product.product_id:
        raise BadInput(f"{at}.product_id", f"{balance.product_id}, as in its balance", product.product_id)


def spot_holding(row: wire.SpotBalance, product: wire.Product, at: str, names: Names) -> Holding:
    """`at` is the path of the balance, for errors."""
    return _holding("spot", integer(row.balance.amount, at, "balance.amount"), 0, product, at, names)


def perp_holding(row: wire.PerpBalance, product: wire.Product, at: str, names: Names) -> Holding:
    """`at` is the path of the balance, for errors."""
    amount = integer(row.balance.amount, at, "balance.amount")
    quote = integer(row.balance.v_quote_balance, at, "balance.v_quote_balance")
    return _holding("perp", amount, quote, product, at, names)


class Weights(msgspec.Struct, frozen=True):
    """A product's weights as the contract has them (x18) and as a reader sees them.

    Long initial, long maintenance, short initial, short maintenance.
    """

    x18: tuple[int, int, int, int]
    shown: tuple[Decimal, Decimal, Decimal, Decimal]


@lru_cache(maxsize=512)
def _weights(risk: wire.Risk) -> Weights:
    """Kept, because a venue has few different ones and every balance of every account asks for them."""
    long_initial = integer(risk.long_weight_initial_x18, "risk", "long_weight_initial_x18", least=0)
    long_maintenance = integer(risk.long_weight_maintenance_x18, "risk", "long_weight_maintenance_x18", least=0)
    short_initial = integer(risk.short_weight_initial_x18, "risk", "short_weight_initial_x18", least=0)
    short_maintenance = integer(risk.short_weight_maintenance_x18, "risk", "short_weight_maintenance_x18", least=0)
    return Weights(
        (long_initial, long_maintenance, short_initial, short_maintenance),
        (
            decimal_from_x18(long_initial),
            decimal_from_x18(long_maintenance),
            decimal_from_x18(short_initial),
            decimal_from_x18(short_maintenance),
        ),
    )


def _holding(kind: str, amount: int, v_quote: int, product: wire.Product, at: str, names: Names) -> Holding:
    product_id = product.product_id
    at = f"product {product_id} of {at}"
    price = integer(product.oracle_price_x18, at, "oracle_price_x18", least=0)
    try:
        weights = _weights(product.risk)
    except BadInput as error:
        raise BadInput(f"{at}.{error.field}", error.expected, error.was) from None
    shown = BalanceWithProduct(
        product_id,
        decimal_from_x18(amount),
        decimal_from_x18(price),
        *weights.shown,
        kind,
        decimal_from_x18(v_quote) if kind == "perp" else None,
    )
    return _sided(HealthBalance(product_id, amount, v_quote, price, *weights.x18), shown, names)


def holding_of(balance: BalanceWithProduct, names: Names) -> Holding:
    """A balance that a user wrote down, as the contract would count it. Raises BadInput."""

    def read(name: str) -> Decimal:
        return parse_decimal(getattr(balance, name), f"product {balance.product_id}.{name}")

    shown = BalanceWithProduct(
        balance.product_id,
        read("amount"),
        read("oracle_price"),
        read("long_weight_initial"),
        read("long_weight_maintenance"),
        read("short_weight_initial"),
        read("short_weight_maintenance"),
        balance.balance_type,
        None if balance.v_quote_balance is None else read("v_quote_balance"),
    )
    health = HealthBalance(
        balance.product_id,
        to_x18(shown.amount),
        to_x18(shown.v_quote_balance or ZERO),
        to_x18(shown.oracle_price),
        to_x18(shown.long_weight_initial),
        to_x18(shown.long_weight_maintenance),
        to_x18(shown.short_weight_initial),
        to_x18(shown.short_weight_maintenance),
    )
    return _sided(health, shown, names)


def _sided(health: HealthBalance, shown: BalanceWithProduct, names: Names) -> Holding:
    """The holding with what follows from its side."""
    product_id = health.product_id
    initial, maintenance = (
        (shown.long_weight_initial, shown.long_weight_maintenance)
        if health.amount >= 0
        else (shown.short_weight_initial, shown.short_weight_maintenance)
    )
    name = names.get(product_id) or f"Product_{product_id}"
    zero = is_zero_health(health)
    exposed = not zero and product_id != QUOTE_PRODUCT_ID
    return Holding(health, shown, name, zero, exposed, _distance_to_one(initial), maintenance)


@lru_cache(maxsize=512)
def _distance_to_one(weight: Decimal) -> Decimal:
    return abs(EXACT.subtract(ONE, weight))


def _healths(rows: Sequence[wire.Health] | None, at: str) -> tuple[int, ...]:
    """Initial, maintenance, unweighted, as far as they are there."""
    return tuple([integer(row.health, at, f"healths[{i}].health") for i, row in enumerate((rows or [])[:3])])


def _entries(events: Sequence[wire.Event]) -> Entries:
    """Per product the word of its first cross event; an entry that is no number says nothing."""
    found: dict[int, Decimal | None] = {}
    for event in events:
        if not event.isolated and event.product_id not in found:
            entry = wire.entry_cost(event)
            found[event.product_id] = None if entry is None else decimal_from_x18(entry)
    return found
