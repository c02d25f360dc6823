"""Nado's bundle -> an account. Sources: the venue's engine queries; docs/spec/nado.md."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from solvent.core.account import (
    Account,
    Instrument,
    Kind,
    Mode,
    Note,
    Pool,
    Position,
    Reported,
    Side,
    Venue,
    Weights,
)
from solvent.core.errors import BadInput
from solvent.core.nado_pairs import SPREAD_PAIRS, SPREAD_PAIRS_DATE
from solvent.core.numbers import decimal_of
from solvent.venues import envelope
from solvent.venues.envelope import Bundle
from solvent.venues.nado import wire

KNOWN = frozenset({"subaccount_info", "isolated_positions", "indexer_events", "symbols", "health_groups"})
BARE = frozenset({"spot_balances", "perp_balances"})
QUOTE_ID = 0
QUOTE_NAME = "USDT0"
X18 = 10**18
HEALTHS = ("initial_health", "maintenance_health", "unweighted_health")


class _Reader:
    """One bundle being read: its products by id, and what has been found so far."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        part = bundle.one("subaccount_info")
        assert part is not None
        self.info = wire.read_subaccount_info(part.body)
        self.symbols = self._symbols()
        groups = self._body("health_groups")
        read = None if groups is None else wire.read_health_groups(groups)
        self.groups = SPREAD_PAIRS if read is None else read
        self.groups_known = read is not None
        self.instruments: dict[str, Instrument] = {}
        self.reported: dict[str, Reported] = {}
        self.idle_quote = Fraction(0)

    def _body(self, name: str) -> Any:
        part = self.bundle.one(name)
        return None if part is None else part.body

    def _symbols(self) -> dict[int, wire.Symbol]:
        body = self._body("symbols")
        return {} if body is None else wire.read_markets(body)

    def name(self, product_id: int) -> str:
        found = self.symbols.get(product_id)
        return found.symbol if found else (QUOTE_NAME if product_id == QUOTE_ID else f"Product_{product_id}")

    def underlying(self, product_id: int) -> str:
        """What moves the price: a pair of spot and perp is one asset, named by its perp."""
        perp = next((perp for spot, perp in self.groups if spot == product_id and perp), product_id)
        return self.name(perp)

    def instrument(self, product: wire.Product, kind: Kind, at: str) -> Instrument:
        name = self.name(product.product_id)
        found = self.instruments.get(name)
        if found is None:
            made = instrument_of(product, kind, name, self.symbols.get(product.product_id), at)
            found = self.instruments[name] = made(self.underlying(product.product_id))
        return found


def read(source: Path | str | bytes | Mapping[str, Any]) -> Account:
    """The account of a bundle file, of its bytes, or of its decoded JSON. Raises BadInput."""
    bundle = envelope.open_bundle(source, "subaccount_info", BARE)
    reader = _Reader(bundle)
    cross = _cross_pool(reader)
    isolated = _isolated_pools(reader)
    _report_healths(reader.info.healths, "", "subaccount_info", reader.reported)
    notes = list(bundle.notes(KNOWN))
    if not reader.groups_known:
        notes.append(
            Note("built-in-groups", f"no health_groups in the bundle: the table of {SPREAD_PAIRS_DATE} is used")
        )
    if not bundle.has("isolated_positions"):
        notes.append(Note("isolated-unrecorded", "isolated_positions are not in the bundle: counted as none"))
    return Account(
        venue=Venue.NADO,
        as_of=bundle.captured_at,
        pools=(cross, *isolated),
        instruments=reader.instruments,
        reported=reader.reported,
        terms={
            "groups": " ".join(f"{spot}:{perp}" for spot, perp in reader.groups),
            "groups_source": "health_groups" if reader.groups_known else f"built-in table of {SPREAD_PAIRS_DATE}",
            "idle_v_quote": str(int(reader.idle_quote * X18)),
        },
        notes=tuple(notes),
    )


def _x18(value: wire.Integer, at: str, name: str, least: int | None = None) -> Fraction:
    return Fraction(wire.integer(value, at, name, least), X18)


def instrument_of(product: wire.Product, kind: Kind, name: str, market: wire.Symbol | None, at: str) -> Any:
    """An instrument still without its underlying."""
    risk = f"{at}.risk"
    weights = Weights(
        _x18(product.risk.long_weight_initial_x18, risk, "long_weight_initial_x18", 0),
        _x18(product.risk.long_weight_maintenance_x18, risk, "long_weight_maintenance_x18", 0),
        _x18(product.risk.short_weight_initial_x18, risk, "short_weight_initial_x18", 0),
        _x18(product.risk.short_weight_maintenance_x18, risk, "short_weight_maintenance_x18", 0),
    )
    price = _x18(product.oracle_price_x18, at, "oracle_price_x18", 0)
    gap = 1 - weights.long_initial

    def finished(underlying: str) -> Instrument:
        return Instrument(
            name=name,
            venue_id=product.product_id,
            kind=kind,
            underlying=underlying,
            price=price,
            weights=weights,
            max_leverage=Fraction(round(1 / gap)) if gap > 0 and kind is Kind.PERP else None,
            size_step=_market(market, "size_increment"),
            price_tick=_market(market, "price_increment_x18"),
            min_notional=_market(market, "min_size"),
            taker_fee=_market(market, "taker_fee_rate_x18"),
        )

    return finished


def _market(market: wire.Symbol | None, name: str) -> Fraction | None:
    value = getattr(market, name, None)
    return None if value is None else _x18(value, f"symbols.{market.symbol if market else ''}", name)


def _cross_pool(reader: _Reader) -> Pool:
    info, cash = reader.info, Fraction(0)
    positions: list[Position] = []
    for at, balance, product in wire.paired(info.spot_balances, info.spot_products, "subaccount_info", "spot"):
        amount = _x18(balance.balance.amount, f"{at}.balance", "amount")
        if product is not None and product.product_id == QUOTE_ID and _is_plain_quote(product):
            cash += amount
            continue
        positions += _position(reader, product, balance.product_id, Kind.SPOT, amount, Fraction(0), at)
    for at, held, product in wire.paired(info.perp_balances, info.perp_products, "subaccount_info", "perp"):
        amount = _x18(held.balance.amount, f"{at}.balance", "amount")
        ledger = _x18(held.balance.v_quote_balance, f"{at}.balance", "v_quote_balance")
        cash += ledger
        if amount == 0:
            reader.idle_quote += ledger
        positions += _position(reader, product, held.product_id, Kind.PERP, amount, ledger, at)
    entries = _entries(reader)
    _name_all(reader)
    return Pool(
        name="cross",
        mode=Mode.CROSS,
        cash=cash,
        positions=tuple(_with_entry(p, entries.get(p.instrument)) for p in positions),
        numeraire=QUOTE_NAME,
        cash_origin="quote balance + sum of v_quote_balance",
    )


def _is_plain_quote(product: wire.Product) -> bool:
    """Whether the quote counts one for one at every level, so that it is simply cash."""
    risk = product.risk
    numbers = (
        product.oracle_price_x18,
        risk.long_weight_initial_x18,
        risk.long_weight_maintenance_x18,
        risk.short_weight_initial_x18,
        risk.short_weight_maintenance_x18,
    )
    return all(str(n) == str(X18) for n in numbers)


def _position(
    reader: _Reader,
    product: wire.Product | None,
    product_id: int,
    kind: Kind,
    amount: Fraction,
    ledger: Fraction,
    at: str,
) -> Iterator[Position]:
    """The balance as a position; nothing where it is flat."""
    if amount == 0:
        return
    if product is None:
        raise BadInput(f"{at}.product_id", "a product in the body with this id", product_id)
    instrument = reader.instrument(product, kind, f"subaccount_info.{kind}_products[id={product_id}]")
    if not instrument.price:
        raise BadInput(f"{at}.product_id", "a product with an oracle price above 0", product_id)
    yield Position(
        instrument=instrument.name,
        kind=kind,
        size=amount,
        price=instrument.price,
        side=Side.of(amount),
        vquote=ledger,
        max_leverage=instrument.max_leverage,
        origin={"size": f"{at}.balance.amount", "price": f"oracle_price_x18 of product {product_id}"},
    )


def _name_all(reader: _Reader) -> None:
    """Instruments that are not held are known too: questions may be asked of them."""
    for kind, products in ((Kind.SPOT, reader.info.spot_products), (Kind.PERP, reader.info.perp_products)):
        for product in products:
            if product.product_id != QUOTE_ID:
                reader.instrument(product, kind, f"subaccount_info.{kind}_products[id={product.product_id}]")


def _entries(reader: _Reader) -> dict[str, Fraction]:
    """Instrument -> signed entry cost, from the indexer's snapshot events of the cross subaccount."""
    body = reader._body("indexer_events")
    if body is None:
        return {}
    found: dict[str, Fraction] = {}
    for event in wire.read_events(body, reader.info.subaccount):
        name = reader.name(event.product_id)
        if event.isolated or name in found or event.product_id == QUOTE_ID:
            continue
        cost = wire.entry_cost(event)
        if cost is not None:
            found[name] = Fraction(cost, X18)
    return found


def _with_entry(position: Position, cost: Fraction | None) -> Position:
    """Average entry = |net_entry_unrealized / amount|; spot balances and perps without an event have none."""
    if cost is None or position.kind is Kind.SPOT or position.size == 0:
        return position
    return Position(
        instrument=position.instrument,
        kind=position.kind,
        size=position.size,
        price=position.price,
        entry=cost / position.size,
        side=position.side,
        vquote=position.vquote,
        max_leverage=position.max_leverage,
        origin={**position.origin, "entry": "indexer_events.net_entry_unrealized / amount"},
    )


def _isolated_pools(reader: _Reader) -> list[Pool]:
    body = reader._body("isolated_positions")
    pools: list[Pool] = []
    for index, row in enumerate(wire.read_isolated_positions(body)):
        at = f"isolated_positions[{index}]"
        if row.base_product.product_id != row.base_balance.product_id:
            raise BadInput(f"{at}.base_product.product_id", "the id of base_balance", row.base_product.product_id)
        amount = _x18(row.base_balance.balance.amount, f"{at}.base_balance.balance", "amount")
        ledger = _x18(row.base_balance.balance.v_quote_balance, f"{at}.base_balance.balance", "v_quote_balance")
        quote = _x18(row.quote_balance.balance.amount, f"{at}.quote_balance.balance", "amount")
        positions = [
            *_position(
                reader,
                row.base_product,
                row.base_balance.product_id,
                Kind.PERP,
                amount,
                ledger,
                f"{at}.base_balance",
            )
        ]
        if not _is_plain_quote(row.quote_product):
            positions += _position(
                reader, row.quote_product, QUOTE_ID, Kind.SPOT, quote, Fraction(0), f"{at}.quote_balance"
            )
            quote = Fraction(0)
        name = f"isolated:{reader.name(row.base_balance.product_id)}"
        if any(pool.name == name for pool in pools):
            raise BadInput(f"{at}.base_balance.product_id", "one isolated position per product", name)
        pools.append(
            Pool(
                name=name,
                mode=Mode.ISOLATED,
                cash=quote + ledger,
                positions=tuple(positions),
                numeraire=QUOTE_NAME,
                cash_origin=f"{at}: quote amount + v_quote_balance",
            )
        )
        _report_healths(row.healths, f"pools.{name}.", at, reader.reported)
    return pools


def _report_healths(
    healths: list[wire.Health] | None, prefix: str, at: str, reported: dict[str, Reported]
) -> None:
    for index, (name, health) in enumerate(zip(HEALTHS, healths or (), strict=False)):
        where = f"{at}.healths[{index}]"
        value: Decimal = decimal_of(_x18(health.health, where, "health"))
        reported[f"{prefix}{name}"] = Reported(value, "money", f"{where}.health")
