"""Products and their prices, as the engine shows them. A loaded body may bring products and prices of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from solvent.paper.exchange import Exchange
from solvent.paper.nado.listings import (
    MIN_SIZE,
    PERP_WEIGHTS,
    PERPS,
    QUOTE_ID,
    SPOTS,
    WITHDRAW_FEES,
    Weights,
)
from solvent.paper.units import ONE

_RISK: Final = (
    ("long_weight_initial_x18", "long_initial"),
    ("short_weight_initial_x18", "short_initial"),
    ("long_weight_maintenance_x18", "long_maintenance"),
    ("short_weight_maintenance_x18", "short_maintenance"),
)


@dataclass(slots=True)
class Product:
    """`shown` holds what a loaded body said beside weights and price; it is shown again as it was."""

    number: int
    symbol: str
    perp: bool
    weights: Weights
    underlying: str = ""
    token: str = ""
    price: int | None = None
    """Set by a loaded body: the price stands still there."""
    shown: Mapping[str, Any] | None = None
    tick: int = 0
    lot: int = 0
    collected: int = 0


class Products:
    """All products by number, priced by the exchange's oracle prices."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.by_number: dict[int, Product] = {}
        self.cumulative: dict[int, int] = {}
        """Funding that one unit of each perpetual has paid since the start."""
        for spot in SPOTS:
            self.by_number[spot.number] = Product(
                spot.number, spot.symbol, False, spot.weights, spot.underlying, spot.token
            )
        for listing in PERPS:
            weights = PERP_WEIGHTS[listing.number]
            self.by_number[listing.number] = Product(
                listing.number,
                listing.symbol,
                True,
                weights,
                listing.underlying,
                tick=listing.tick,
                lot=listing.lot,
            )
            self.cumulative[listing.number] = 0

    def price(self, number: int) -> int:
        product = self.by_number[number]
        if product.price is not None:
            return product.price
        if number == QUOTE_ID:
            return ONE
        if product.perp:
            return self._exchange.oracles[product.symbol]
        assert self._exchange.step is not None
        return self._exchange.step.prices[product.underlying]

    def priced(self, number: int) -> tuple[Weights, int]:
        return self.by_number[number].weights, self.price(number)

    def listed(self, number: int) -> bool:
        """Whether it is a perpetual that trades here."""
        product = self.by_number.get(number)
        return product is not None and product.perp and product.symbol in self._exchange.listings

    def spots(self) -> list[Product]:
        return [p for p in self.by_number.values() if not p.perp]

    def perps(self) -> list[Product]:
        return [p for p in self.by_number.values() if p.perp]

    def row(self, number: int, totals: Mapping[int, tuple[int, int]]) -> dict[str, Any]:
        """The product as the engine sends it. `totals`: what is held on both sides, by product."""
        product = self.by_number[number]
        price = str(self.price(number))
        risk = {name: str(getattr(product.weights, field)) for name, field in _RISK}
        risk |= {"price_x18": price, "large_position_penalty_x18": "0"}
        row: dict[str, Any] = {"product_id": number, "oracle_price_x18": price}
        if product.perp:
            row["index_price_x18"] = price
        row["risk"] = risk
        if not product.perp:
            row["config"] = _config(product)
        held, owed = totals.get(number, (0, 0))
        row["state"] = self._perp_state(number, held) if product.perp else _spot_state(held, owed)
        row["book_info"] = {
            "size_increment": str(product.lot),
            "price_increment_x18": str(product.tick),
            "min_size": str(MIN_SIZE if product.perp else 0),
            "collected_fees": str(product.collected),
        }
        return row if product.shown is None else _as_shown(row, product.shown)

    def _perp_state(self, number: int, held: int) -> dict[str, str]:
        cumulative = str(self.cumulative.get(number, 0))
        return {
            "cumulative_funding_long_x18": cumulative,
            "cumulative_funding_short_x18": cumulative,
            "available_settle": "0",
            "open_interest": str(held),
        }


def _as_shown(row: dict[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that a loaded body had, in its order; its words for all but weights and price."""
    made: dict[str, Any] = {}
    for name, value in shown.items():
        if name == "risk":
            made[name] = {inner: row["risk"].get(inner, given) for inner, given in value.items()}
        elif name in ("product_id", "oracle_price_x18"):
            made[name] = row[name]
        else:
            made[name] = value
    return made


def _config(product: Product) -> dict[str, str]:
    return {
        "token": product.token,
        "interest_inflection_util_x18": str(ONE * 8 // 10),
        "interest_floor_x18": str(ONE // 100),
        "interest_small_cap_x18": str(ONE * 4 // 100),
        "interest_large_cap_x18": str(ONE),
        "withdraw_fee_x18": str(WITHDRAW_FEES.get(product.number, 0)),
        "min_deposit_rate_x18": "0",
    }


def _spot_state(held: int, owed: int) -> dict[str, str]:
    return {
        "cumulative_deposits_multiplier_x18": str(ONE),
        "cumulative_borrows_multiplier_x18": str(ONE),
        "total_deposits_normalized": str(held),
        "total_borrows_normalized": str(owed),
    }
