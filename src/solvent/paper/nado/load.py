"""Puts a paper account into the state of a recorded body, so that the venue can be asked to say it again.

Balances, weights, prices and what the body says of its products are taken over; healths and contributions are
not: those the venue works out itself.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from solvent.paper.ledger import Holding
from solvent.paper.nado import NadoVenue
from solvent.paper.nado.clearing import Clearing
from solvent.paper.nado.listings import QUOTE_ID, Weights
from solvent.paper.nado.products import Product
from solvent.paper.nado.subaccounts import Sub
from solvent.paper.units import times


def load(venue: NadoVenue, subaccount_info: Mapping[str, Any], isolated_positions: Iterable[Any] = ()) -> str:
    """The subaccount's name. Bodies are as the engine sends them; KeyError or ValueError where they are not."""
    clearing = venue.clearing
    name: str = subaccount_info["subaccount"].lower()
    sub = clearing.sub(name)
    _clear(clearing, sub)
    sub.exists = bool(subaccount_info.get("exists", True))
    for perp, key in ((False, "spot_products"), (True, "perp_products")):
        for row in subaccount_info[key]:
            _product(clearing, row, perp=perp)
    for row in subaccount_info["spot_balances"]:
        sub.spots[row["product_id"]] = int(row["balance"]["amount"])
    for row in subaccount_info["perp_balances"]:
        _perp(clearing, sub, row)
    ids = [[row["product_id"] for row in subaccount_info[f"{kind}_balances"]] for kind in ("spot", "perp")]
    sub.order = ids[0], ids[1]
    _settle_cash(clearing, sub)
    for row in isolated_positions:
        _isolated(clearing, sub, row)
    return name


def _clear(clearing: Clearing, sub: Sub) -> None:
    for gone in [sub, *(s for s in clearing.subs.values() if s.parent == sub.name)]:
        gone.account.holdings.clear()
        gone.spots = {QUOTE_ID: 0}
        gone.v_quotes.clear()
        gone.funding_marks.clear()
        gone.exists = False
        _settle_cash(clearing, gone)


def _product(clearing: Clearing, row: Mapping[str, Any], *, perp: bool) -> None:
    """The body's product replaces ours of that number; its price stands still."""
    number, risk, known = row["product_id"], row["risk"], clearing.products.by_number
    ours = known.get(number) or Product(number, f"Product_{number}", perp, Weights(0, 0, 0, 0))
    known[number] = ours
    names = ("long_weight_initial", "long_weight_maintenance", "short_weight_initial", "short_weight_maintenance")
    ours.weights = Weights(*(int(risk[f"{n}_x18"]) for n in names))
    ours.price, ours.shown = int(row["oracle_price_x18"]), row


def _perp(clearing: Clearing, sub: Sub, row: Mapping[str, Any]) -> None:
    number, balance = row["product_id"], row["balance"]
    product, size = clearing.products.by_number[number], int(balance["amount"])
    sub.v_quotes[number] = int(balance["v_quote_balance"])
    sub.funding_marks[number] = int(balance["last_cumulative_funding_x18"])
    if size:
        cost = times(size, clearing.products.price(number))
        sub.account.holdings[product.symbol, "net"] = Holding(product.symbol, size=size, cost=cost)
        sub.track(number).entry = cost
    sub.picture = sub.picture or not clearing.products.listed(number)


def _isolated(clearing: Clearing, parent: Sub, row: Mapping[str, Any]) -> None:
    base = row["base_balance"]
    _product(clearing, row["quote_product"], perp=False)
    if row["base_product"]["product_id"] == base["product_id"]:
        _product(clearing, row["base_product"], perp=True)
    sub = clearing.sub(row["subaccount"].lower())
    sub.parent, sub.product_id, sub.exists = parent.name, base["product_id"], True
    sub.spots[QUOTE_ID] = int(row["quote_balance"]["balance"]["amount"])
    _perp(clearing, sub, base)
    _settle_cash(clearing, sub)


def _settle_cash(clearing: Clearing, sub: Sub) -> None:
    """The exchange's cash is quote and v_quote together; the other side is the house's."""
    cash = sub.quote + sum(sub.v_quotes.values())
    clearing.exchange.house.cash -= cash - sub.account.cash
    sub.account.cash = cash
