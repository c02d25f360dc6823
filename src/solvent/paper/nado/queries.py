"""Answers of the engine: `POST /query` with a type, or `GET /query?type=...`."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from solvent.paper.nado import auth, bodies
from solvent.paper.nado.clearing import Clearing
from solvent.paper.nado.fields import Fields, decoded
from solvent.paper.nado.health import INITIAL, Balance, largest
from solvent.paper.nado.listings import (
    DECIMALS,
    ISOLATED_TRANSFER_FEE,
    MAKER,
    MIN_SIZE,
    NLP_ID,
    TAKER,
    WITHDRAW_FEES,
)
from solvent.paper.nado.placing import find, order_row
from solvent.paper.nado.products import Product
from solvent.paper.nado.subaccounts import Sub
from solvent.paper.nado.words import Refused
from solvent.paper.orders import Order
from solvent.paper.units import ONE, times

NO_ASK: Final = (1 << 127) - 1
MOST_LOTS: Final = 10**15
ORDER_NONCE_LEAD_MS: Final = 100_000


class Queries:
    """`answer` gives the data of one query. Raises Refused."""

    def __init__(self, clearing: Clearing, wall_ms: Callable[[], int]) -> None:
        self._clearing = clearing
        self._wall_ms = wall_ms
        self._by_type: Mapping[str, Callable[[Fields], Any]] = {
            "status": lambda _: "active",
            "contracts": lambda _: {
                "chain_id": str(auth.CHAIN_ID),
                "endpoint_addr": auth.checksummed(auth.ENDPOINT),
            },
            "nonces": self._nonces,
            "subaccount_info": self._subaccount_info,
            "isolated_positions": self._isolated_positions,
            "all_products": lambda _: self._all_products(),
            "edge_all_products": lambda _: {"edge_all_products": {str(auth.CHAIN_ID): self._all_products()}},
            "symbols": self._symbols,
            "market_liquidity": self._liquidity,
            "market_price": lambda f: self._price(self._product(f.whole("product_id", 32))),
            "market_prices": self._prices,
            "max_order_size": self._max_order_size,
            "max_withdrawable": self._max_withdrawable,
            "max_nlp_mintable": lambda _: {"max_base_amount": "0", "max_quote_amount": "0"},
            "max_nlp_burnable": lambda _: {"max_nlp_amount": "0"},
            "nlp_pool_info": lambda _: {"nlp_pools": []},
            "nlp_locked_balances": lambda _: {
                "balance_locked": bodies.spot_balance(Balance(NLP_ID, 0, 0)),
                "balance_unlocked": bodies.spot_balance(Balance(NLP_ID, 0, 0)),
                "locked_balances": [],
            },
            "fee_rates": self._fee_rates,
            "health_groups": lambda _: {"health_groups": [list(pair) for pair in clearing.groups]},
            "linked_signer": self._linked_signer,
            "insurance": lambda _: {"insurance": str(clearing.insurance)},
            "order": self._order,
            "subaccount_orders": self._subaccount_orders,
            "orders": self._orders,
        }

    def answer(self, kind: str, fields: Fields) -> Any:
        if kind not in self._by_type:
            raise Refused(400, what=f"unknown query type `{kind:.40}`")
        return self._by_type[kind](fields)

    # --- accounts

    def _nonces(self, fields: Fields) -> dict[str, str]:
        address = fields.bytes_of("address", 20)
        return {
            "tx_nonce": str(self._clearing.nonces.get(address, 0)),
            "order_nonce": str((self._wall_ms() + ORDER_NONCE_LEAD_MS) << 20),
        }

    def _subaccount_info(self, fields: Fields) -> dict[str, Any]:
        name = fields.bytes_of("subaccount", 32)
        changes = tuple(self._changes(fields.text("txns"))) if fields.has("txns") else ()
        before = bool(changes) and fields.flag("pre_state") is True
        return bodies.subaccount_info(self._clearing, name, changes, with_before=before)

    def _changes(self, given: str) -> list[Balance]:
        made: list[Balance] = []
        for row in Fields(decoded(f'{{"txns":{given}}}')).items("txns", 100):
            delta = Fields(row).inner("apply_delta")
            number = delta.whole("product_id", 32)
            self._product(number)
            delta.bytes_of("subaccount", 32)
            amount, quote = (delta.whole(n, 128, signed=True) for n in ("amount_delta", "v_quote_delta"))
            same = next((i for i, b in enumerate(made) if b.product_id == number), None)
            if same is None:
                made.append(Balance(number, amount, quote))
            else:
                made[same] = Balance(number, made[same].amount + amount, made[same].v_quote + quote)
        return made

    def _isolated_positions(self, fields: Fields) -> dict[str, Any]:
        name = fields.bytes_of("subaccount", 32)
        subs = self._clearing.isolated_of(name)
        return {"isolated_positions": [bodies.isolated_position(self._clearing, s) for s in subs]}

    def _linked_signer(self, fields: Fields) -> dict[str, str]:
        sub = self._clearing.subs.get(fields.bytes_of("subaccount", 32))
        return {"linked_signer": sub.signer if sub else "0x" + "00" * 20}

    def _fee_rates(self, fields: Fields) -> dict[str, Any]:
        fields.bytes_of("sender", 32)
        numbers = range(max(self._clearing.products.by_number) + 1)
        known = self._clearing.products.by_number
        return {
            "taker_fee_rates_x18": [str(TAKER if n in known and n else 0) for n in numbers],
            "maker_fee_rates_x18": [str(MAKER if n in known and n else 0) for n in numbers],
            "liquidation_sequencer_fee": str(ONE),
            "health_check_sequencer_fee": str(ONE),
            "taker_sequencer_fee": "0",
            "withdraw_sequencer_fees": [str(WITHDRAW_FEES.get(n, 0)) for n in numbers],
        }

    # --- markets

    def _product(self, number: int) -> Product:
        product = self._clearing.products.by_number.get(number)
        if product is None:
            raise Refused(2016)
        return product

    def _all_products(self) -> dict[str, Any]:
        products, totals = self._clearing.products, self._clearing.totals()
        return {
            "spot_products": [products.row(p.number, totals) for p in products.spots()],
            "perp_products": [products.row(p.number, totals) for p in products.perps()],
        }

    def _symbols(self, fields: Fields) -> dict[str, Any]:
        wanted = fields.raw("product_type")
        if wanted not in (None, "spot", "perp"):
            raise Refused(2061, product_type=f"{wanted!s:.20}")
        ids = fields.wholes("product_ids") if fields.has("product_ids") else None
        for number in ids or ():
            self._product(number)
        rows = {}
        for product in self._clearing.products.by_number.values():
            if wanted not in (None, "perp" if product.perp else "spot"):
                continue
            if ids is None or product.number in ids:
                rows[product.symbol] = symbol_row(product)
        return {"symbols": rows}

    def _liquidity(self, fields: Fields) -> dict[str, Any]:
        product = self._product(fields.whole("product_id", 32))
        depth = min(max(fields.whole("depth", 32), 1), 100)
        sides: dict[str, list[list[str]]] = {"bids": [], "asks": []}
        if self._clearing.products.listed(product.number):
            book = self._clearing.exchange.books[product.symbol]
            for name, sign in (("bids", -1), ("asks", 1)):
                sides[name] = [[str(lv.price), str(lv.size)] for lv in book.shown(sign, depth)]
        return {**sides, "timestamp": str(self._clearing.exchange.now * 10**6), "product_id": product.number}

    def _price(self, product: Product) -> dict[str, Any]:
        bid, ask = 0, NO_ASK
        if self._clearing.products.listed(product.number):
            book = self._clearing.exchange.books[product.symbol]
            bid, ask = book.best(-1), book.best(1) or NO_ASK
        return {"product_id": product.number, "bid_x18": str(bid), "ask_x18": str(ask)}

    def _prices(self, fields: Fields) -> dict[str, Any]:
        ids = fields.wholes("product_ids")
        if not ids:
            raise Refused(2062)
        if len(set(ids)) < len(ids):
            raise Refused(2060)
        return {"market_prices": [self._price(self._product(number)) for number in ids]}

    # --- orders

    def _order(self, fields: Fields) -> dict[str, Any]:
        number, digest = fields.whole("product_id", 32), fields.bytes_of("digest", 32)
        found = find(self._clearing, digest)
        if found is None or self._clearing.exchange.listings[found[1].symbol].number != number:
            raise Refused(2020, digest=digest)
        return order_row(found[1], number)

    def open_orders(self, sender: str, number: int) -> list[Order]:
        """Orders that a subaccount placed, its isolated ones among them."""
        symbol = self._product(number).symbol
        subs = [s for s in self._clearing.subs.values() if s.name == sender or s.parent == sender]
        orders = [o for s in subs for o in s.account.orders.values() if o.symbol == symbol]
        return [o for o in orders if o.extra.get("sender") == sender]

    def _subaccount_orders(self, fields: Fields) -> dict[str, Any]:
        sender, number = fields.bytes_of("sender", 32), fields.whole("product_id", 32)
        rows = [order_row(o, number) for o in self.open_orders(sender, number)]
        return {"sender": sender, "product_id": number, "orders": rows}

    def _orders(self, fields: Fields) -> dict[str, Any]:
        sender, ids = fields.bytes_of("sender", 32), fields.wholes("product_ids")
        rows = [
            {"product_id": n, "orders": [order_row(o, n) for o in self.open_orders(sender, n)]}
            for n in dict.fromkeys(ids)
        ]
        return {"sender": sender, "product_orders": rows}

    # --- how much

    def _max_order_size(self, fields: Fields) -> dict[str, str]:
        name, number = fields.bytes_of("sender", 32), fields.whole("product_id", 32)
        price, side = fields.whole("price_x18", 128), fields.text("direction")
        reduce_only, isolated = fields.flag("reduce_only"), fields.flag("isolated")
        product = self._product(number)
        if side not in ("long", "short"):
            raise fields.bad("direction")
        sub = self._clearing.subs.get(name)
        if sub is None or not sub.exists or not self._clearing.products.listed(number) or not price:
            return {"max_order_size": "0"}
        sign = 1 if side == "long" else -1
        return {"max_order_size": str(self._largest_order(sub, product, sign, price, reduce_only, isolated))}

    def _largest_order(
        self, sub: Sub, product: Product, sign: int, price: int, reduce_only: bool | None, isolated: bool | None
    ) -> int:
        """The most lots that leave initial health at 0 or above, with the taker's fee."""
        lot, clearing = product.lot, self._clearing
        opposite = 0 if isolated else max(-sub.size(product.symbol) * sign, 0)
        if reduce_only:
            return opposite
        free = max(clearing.health(sub).at(INITIAL), 0)

        def fits(lots: int) -> bool:
            base = sign * lots * lot
            quote = -times(base, price) - times(abs(times(base, price)), TAKER)
            change = Balance(product.number, base, quote)
            if isolated:
                weights, oracle = clearing.products.priced(product.number)
                return free + quote + times(times(base, weights.of(base, INITIAL)), oracle) >= 0
            return clearing.health(sub, (change,)).at(INITIAL) >= 0

        closing = opposite // lot
        if not fits(closing):
            return opposite
        return (closing + largest(lambda lots: fits(closing + lots), MOST_LOTS)) * lot

    def _max_withdrawable(self, fields: Fields) -> dict[str, str]:
        name, number = fields.bytes_of("sender", 32), fields.whole("product_id", 32)
        product, borrow = self._product(number), fields.flag("spot_leverage") is not False
        sub = self._clearing.subs.get(name)
        if product.perp or sub is None or not sub.exists:
            return {"max_withdrawable": "0"}
        return {"max_withdrawable": str(self.withdrawable(sub, number, borrow=borrow))}

    def withdrawable(self, sub: Sub, number: int, *, borrow: bool) -> int:
        """What may leave so that initial health stays at 0 or above, the fee included."""
        held = max(sub.spots.get(number, 0), 0)
        fee = ISOLATED_TRANSFER_FEE if sub.isolated else WITHDRAW_FEES.get(number, 0)
        if sub.isolated:
            borrow = False
        step = ONE // 10 ** DECIMALS.get(number, 18)

        def fits(steps: int) -> bool:
            change = (Balance(number, -steps * step - fee, 0),)
            return self._clearing.health(sub, change).at(INITIAL) >= 0

        most = MOST_LOTS if borrow else max(held - fee, 0) // step
        return largest(fits, most) * step if fits(0) else 0


def symbol_row(product: Product) -> dict[str, Any]:
    fees = (MAKER, TAKER) if product.number else (0, 0)
    return {
        "type": "perp" if product.perp else "spot",
        "product_id": product.number,
        "symbol": product.symbol,
        "price_increment_x18": str(product.tick),
        "size_increment": str(product.lot),
        "min_size": str(MIN_SIZE if product.perp else 0),
        "maker_fee_rate_x18": str(fees[0]),
        "taker_fee_rate_x18": str(fees[1]),
        "long_weight_initial_x18": str(product.weights.long_initial),
        "long_weight_maintenance_x18": str(product.weights.long_maintenance),
        "max_open_interest_x18": None,
    }
