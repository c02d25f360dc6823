"""Nado's response bodies, in its own words. Only the fields that are read; others pass unseen.

Bodies come as decoded JSON, as objects of the official SDK, or as the structs below. Numbers come as text or
as JSON integers; `integer` is the one grammar they must follow.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from solvent.core.errors import BadInput
from solvent.venues.envelope import decode

MAX_CHARACTERS = 64
_INTEGER = re.compile(r"-?[0-9]+")

Integer = str | int
"""An integer as the venue sends it, mostly x18 text."""


class Wire(msgspec.Struct, frozen=True):
    """snake_case on the wire as here."""


class Health(Wire, frozen=True):
    health: Integer


class SpotAmount(Wire, frozen=True):
    amount: Integer


class PerpAmount(Wire, frozen=True):
    amount: Integer
    v_quote_balance: Integer


class SpotBalance(Wire, frozen=True):
    product_id: int
    balance: SpotAmount


class PerpBalance(Wire, frozen=True):
    product_id: int
    balance: PerpAmount


class Risk(Wire, frozen=True):
    long_weight_initial_x18: Integer
    long_weight_maintenance_x18: Integer
    short_weight_initial_x18: Integer
    short_weight_maintenance_x18: Integer


class Product(Wire, frozen=True):
    product_id: int
    oracle_price_x18: Integer
    risk: Risk


class SubaccountInfo(Wire, frozen=True):
    spot_balances: list[SpotBalance]
    perp_balances: list[PerpBalance]
    spot_products: list[Product]
    perp_products: list[Product]
    subaccount: str | None = None
    healths: list[Health] | None = None


class IsolatedPosition(Wire, frozen=True):
    quote_balance: SpotBalance
    base_balance: PerpBalance
    quote_product: Product
    base_product: Product
    subaccount: str | None = None
    healths: list[Health] | None = None


class Event(Wire, frozen=True):
    """`net_entry_unrealized` is left unread: the venue's archive may hold text that is no number."""

    product_id: int
    isolated: bool = False
    net_entry_unrealized: object = None


class Symbol(Wire, frozen=True):
    product_id: Integer
    symbol: str
    size_increment: Integer | None = None
    price_increment_x18: Integer | None = None
    min_size: Integer | None = None
    maker_fee_rate_x18: Integer | None = None
    taker_fee_rate_x18: Integer | None = None
    long_weight_initial_x18: Integer | None = None


class Priced(Wire, frozen=True):
    product_id: int
    oracle_price_x18: Integer


class Top(Wire, frozen=True):
    product_id: int
    bid_x18: Integer
    ask_x18: Integer


class PerpPrice(Wire, frozen=True):
    product_id: int
    mark_price_x18: Integer
    update_time: Integer


class DailyRate(Wire, frozen=True):
    product_id: int
    funding_rate_x18: Integer


class BalanceEvent(Wire, frozen=True):
    """What one submission did to one balance; balances stand under "spot" or "perp"."""

    product_id: int
    event_type: str
    pre_balance: dict[str, Any]
    post_balance: dict[str, Any]
    isolated: bool = False
    net_entry_unrealized: object = None


class FundingRow(Wire, frozen=True):
    product_id: int
    idx: Integer
    timestamp: Integer
    amount: Integer
    balance_amount: Integer = 0


class Payments(Wire, frozen=True):
    funding_payments: list[FundingRow]
    next_idx: Integer | None = None


class Liquidity(Wire, frozen=True):
    bids: list[tuple[Integer, Integer]]
    asks: list[tuple[Integer, Integer]]
    timestamp: Integer


class _HasProductId(Protocol):
    @property
    def product_id(self) -> int: ...


T = TypeVar("T")
Row = TypeVar("Row", bound=_HasProductId)


def integer_or_none(value: object) -> int | None:
    """The integer that text or a JSON integer says; None where it is anything else.

    Text must be digits after an optional minus, at most 64 characters in all.
    """
    if isinstance(value, str):
        return int(value) if len(value) <= MAX_CHARACTERS and _INTEGER.fullmatch(value) else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAX_CHARACTERS:
        return value
    return None


def integer(value: Integer, at: str, name: str, least: int | None = None) -> int:
    """`integer_or_none`, but what is no integer raises BadInput naming the field `name` below `at`."""
    number = integer_or_none(value)
    if number is None:
        too_long = isinstance(value, int) and not isinstance(value, bool)
        shown = f"<an integer of more than {MAX_CHARACTERS} digits>" if too_long else value
        raise BadInput(f"{at}.{name}", f"an integer of at most {MAX_CHARACTERS} characters", shown)
    if least is not None and number < least:
        raise BadInput(f"{at}.{name}", f"an integer of at least {least}", value)
    return number


def read_subaccount_info(body: object) -> SubaccountInfo:
    """The engine's `subaccount_info` data. Raises BadInput."""
    return read_row(body, SubaccountInfo, "subaccount_info")


def read_isolated_positions(body: object) -> list[IsolatedPosition]:
    """The engine's `isolated_positions` data, or the list in it; None is an account without any."""
    name = "isolated_positions"
    return _rows(_unwrapped(body, name), IsolatedPosition, name)


def read_events(body: object, subaccount: str | None) -> list[Event]:
    """Indexer events: a bare list, `{"events": [...]}`, or an `account_snapshots` response.

    Of a response only the entry of `subaccount` itself counts (hexadecimal case aside), at its latest time.
    """
    name = "indexer_events"
    snapshots = _field(body, "snapshots")
    if snapshots is None:
        return _rows(_unwrapped(body, "events", name), Event, name)
    times = own_snapshots(snapshots, subaccount)
    if not times:
        return []
    latest = max(times, key=lambda key: integer(key, f"{name}.snapshots", str(key)))
    return _rows(times[latest], Event, f"{name}.snapshots")


def own_snapshots(snapshots: object, subaccount: str | None) -> Mapping[str, Any]:
    """The entry of one subaccount in `subaccount -> timestamp -> events`; empty where it has none."""
    if not isinstance(snapshots, Mapping):
        raise BadInput("indexer_events.snapshots", "an object of subaccounts", f"<{type(snapshots).__name__}>")
    wanted = (subaccount or "").lower()
    own = next((entry for key, entry in snapshots.items() if str(key).lower() == wanted), None)
    if own is not None and not isinstance(own, Mapping):
        raise BadInput("indexer_events.snapshots", "an object of timestamps", f"<{type(own).__name__}>")
    return own or {}


def read_symbols(body: object) -> dict[int, str]:
    """Product id -> symbol, from the engine's `symbols` data or from the list of the gateway's second version."""
    return {product_id: market.symbol for product_id, market in read_markets(body).items()}


def read_markets(body: object) -> dict[int, Symbol]:
    """Product id -> its row of the `symbols` data."""
    inner = _unwrapped(body, "symbols")
    rows = list(inner.values()) if isinstance(inner, Mapping) else inner
    return {
        integer(row.product_id, f"symbols[{index}]", "product_id"): row
        for index, row in enumerate(_rows(rows, Symbol, "symbols"))
    }


def entry_cost(event: Event) -> int | None:
    """`net_entry_unrealized` x18: what the position cost, negative for a short; None where it is no number."""
    return integer_or_none(event.net_entry_unrealized)


def read_health_groups(body: object) -> tuple[tuple[int, int], ...] | None:
    """The engine's `health_groups` data, or the list of (spot, perp) in it; None where nothing was given.

    A product in two groups would earn its bonus twice, so that is an error.
    """
    inner = _unwrapped(body, "health_groups")
    if inner is None:
        return None
    groups = decode(_plain(inner), list[tuple[int, int]], "health_groups")
    ids = [product_id for group in groups for product_id in group if product_id != 0]
    for product_id in ids:
        if ids.count(product_id) > 1:
            raise BadInput("health_groups", "each product once", product_id)
    return tuple(groups)


def paired(
    balances: Sequence[Row], products: Sequence[Product], body: str, kind: str
) -> Iterator[tuple[str, Row, Product | None]]:
    """Each balance with its product, matched by id and never by order, and the balance's path.

    Raises BadInput where an id stands twice among the balances or among the products.
    """
    known = {product.product_id: product for product in once(products, f"{body}.{kind}_products")}
    for index, balance in enumerate(once(balances, f"{body}.{kind}_balances")):
        yield f"{body}.{kind}_balances[{index}]", balance, known.get(balance.product_id)


def once(rows: Sequence[Row], at: str) -> Sequence[Row]:
    """The rows, if no product id stands twice among them. Raises BadInput otherwise."""
    seen: set[int] = set()
    for index, row in enumerate(rows):
        if row.product_id in seen:
            raise BadInput(f"{at}[{index}].product_id", "each product once", row.product_id)
        seen.add(row.product_id)
    return rows


def read_row(body: object, shape: type[T], at: str) -> T:
    """One body or row in its wire shape. Raises BadInput naming the field below `at`."""
    return body if isinstance(body, shape) else decode(_plain(body), shape, at)


def _rows(rows: object, shape: type[T], at: str) -> list[T]:
    if rows is None:
        return []
    if isinstance(rows, str) or not isinstance(rows, Iterable):
        raise BadInput(at, "a list", f"<{type(rows).__name__}>")
    return [read_row(row, shape, f"{at}[{index}]") for index, row in enumerate(rows)]


def _unwrapped(body: object, key: str, at: str | None = None) -> object:
    """What stands under `key` in a response body; the body itself where it is the bare list already."""
    if isinstance(body, list | tuple) or body is None:
        return body
    inner = _field(body, key)
    if inner is None and not (isinstance(body, Mapping) and key in body):
        raise BadInput(at or key, f"a list, or a body with the key {key}", f"<{type(body).__name__}>")
    return inner


def _field(body: object, name: str) -> Any:
    return body.get(name) if isinstance(body, Mapping) else getattr(body, name, None)


def _plain(value: object) -> object:
    """An object of the official SDK as the builtin values it was made from; anything else as it is."""
    dump = getattr(value, "model_dump", None)
    return dump() if callable(dump) else value
