"""The official Nado SDK on the paper Nado: gateway, archive, triggers and subscriptions."""

import json
import sys
import time

from eth_account import Account
from nado_protocol.client import NadoClientMode, create_nado_client
from nado_protocol.client.context import NadoClientContextOpts
from nado_protocol.contracts.eip712.sign import build_eip712_typed_data, sign_eip712_typed_data
from nado_protocol.contracts.types import NadoTxType
from nado_protocol.engine_client.types.execute import (
    CancelOrdersParams,
    CancelProductOrdersParams,
    OrderParams,
    PlaceMarketOrderParams,
    PlaceOrderParams,
    TransferQuoteParams,
)
from nado_protocol.engine_client.types.stream import StreamAuthenticationParams
from nado_protocol.indexer_client.types.query import (
    IndexerEventsParams,
    IndexerInterestAndFundingParams,
    IndexerMatchesParams,
    IndexerSubaccountHistoricalOrdersParams,
)
from nado_protocol.trigger_client.types.execute import CancelTriggerOrdersParams
from nado_protocol.trigger_client.types.query import ListTriggerOrdersRequest, ListTriggerOrdersTx
from nado_protocol.utils.bytes32 import subaccount_to_hex
from nado_protocol.utils.execute import MarketOrderParams
from nado_protocol.utils.expiration import OrderType, get_expiration_timestamp
from nado_protocol.utils.math import to_x18
from nado_protocol.utils.nonce import gen_order_nonce
from nado_protocol.utils.order import build_appendix
from nado_protocol.utils.subaccount import SubaccountParams
from nado_protocol.ws.client import NadoSubscriptionClient
from nado_protocol.ws.streams import FillStream, OrderUpdateStream

from conformance.cases import NotApplicable, expect, main, refused, same

BTC, ETH, SOL = 2, 4, 8
ONE = 10**18
GTC, IOC, POST = OrderType.DEFAULT, OrderType.IOC, OrderType.POST_ONLY


def connect(place, name="alice", key=None):
    key = key or place.account(name)["private_key"]
    urls = {f"{kind}_endpoint_url": place.url[kind] for kind in ("engine", "indexer", "trigger")}
    options = NadoClientContextOpts(rpc_node_url="http://127.0.0.1:1", **urls)
    return create_nado_client(NadoClientMode.TESTNET, key, options)


class Desk:
    """One wallet's client and its default subaccount."""

    def __init__(self, place, name="alice", key=None):
        self.client = connect(place, name, key)
        self.engine = self.client.context.engine_client
        self.indexer = self.client.context.indexer_client
        self.trigger = self.client.context.trigger_client
        self.address = self.client.context.signer.address
        self.sub = subaccount_to_hex(self.address, "default")
        self.products = {p.product_id: p for p in self.engine.get_all_products().perp_products}

    def oracle(self, product=BTC):
        return int(self.products[product].oracle_price_x18)

    def fresh(self, product=BTC):
        self.products = {p.product_id: p for p in self.engine.get_all_products().perp_products}
        return self.oracle(product)

    def price(self, share, product=BTC):
        """The oracle price times a share, on the tick."""
        tick = int(self.products[product].book_info.price_increment_x18)
        return self.oracle(product) * int(share * 1000) // 1000 // tick * tick

    def lots(self, amount, product=BTC):
        lot = int(self.products[product].book_info.size_increment)
        return int(to_x18(amount)) // lot * lot

    def order(self, amount, price, kind=GTC, product=BTC, **more):
        appendix = build_appendix(
            kind,
            isolated=more.pop("isolated", False),
            isolated_margin=more.pop("margin", None),
            reduce_only=more.pop("reduce_only", False),
        )
        expires = more.pop("expires", None) or get_expiration_timestamp(600)
        order = OrderParams(
            sender=SubaccountParams(subaccount_owner=self.address, subaccount_name="default"),
            amount=amount if isinstance(amount, int) else self.lots(amount, product),
            priceX18=price,
            expiration=expires,
            nonce=gen_order_nonce(),
            appendix=appendix,
        )
        sent = self.client.market.place_order(PlaceOrderParams(product_id=product, order=order, **more))
        return sent.data.digest

    def market(self, amount, product=BTC, reduce_only=False):
        order = MarketOrderParams(
            sender=SubaccountParams(subaccount_owner=self.address, subaccount_name="default"),
            amount=self.lots(abs(amount), product) * (1 if amount > 0 else -1),
            nonce=gen_order_nonce(),
        )
        asked = PlaceMarketOrderParams(product_id=product, market_order=order, reduce_only=reduce_only)
        return self.client.market.place_market_order(asked).data.digest

    def cancel(self, digest, product=BTC):
        asked = CancelOrdersParams(sender=self.sub, productIds=[product], digests=[digest])
        return self.client.market.cancel_orders(asked)

    def open_orders(self, product=BTC):
        return self.engine.get_subaccount_open_orders(product, self.sub).orders

    def held(self, product=BTC):
        rows = self.engine.get_subaccount_info(self.sub).perp_balances
        return int(next(r for r in rows if r.product_id == product).balance.amount) / ONE

    def isolated(self):
        return self.engine.get_isolated_positions(self.sub).isolated_positions

    def health(self, kind=2):
        return int(self.engine.get_subaccount_info(self.sub).healths[kind].health) / ONE

    def error(self, call, *words, **given):
        try:
            answer = call(**given)
        except Exception as raised:
            said = str(raised)
            try:
                body = json.loads(said)
                said = f"{body.get('error_code')} {body.get('error')}"
            except ValueError:
                pass
            return refused(said, *words)
        raise AssertionError(f"not refused: {answer}")


class Driver(Desk):
    def __init__(self, calm, crash, given):
        super().__init__(calm)
        self.calm, self.crash = calm, crash
        self.digest = None

    def case_01(self):
        symbols = self.engine.get_symbols().symbols
        btc = symbols["BTC-PERP"]
        same((int(btc.product_id), int(btc.size_increment) > 0), (BTC, True), "BTC-PERP")
        expect(0 < int(btc.long_weight_initial_x18) < ONE, btc)
        return f"{len(symbols)} symbols, BTC-PERP weight {int(btc.long_weight_initial_x18) / ONE:g}"

    def case_02(self):
        info = self.engine.get_subaccount_info(self.sub)
        same((info.exists, int(info.healths[2].health) // ONE), (True, 100_000), "health")
        return f"unweighted health {int(info.healths[2].health) // ONE}"

    def case_03(self):
        before = self.health()
        asked = TransferQuoteParams(
            sender=self.sub, recipient=subaccount_to_hex(self.address, "second"), amount=int(to_x18(250))
        )
        self.client.spot.transfer_quote(asked)
        after = self.health()
        expect(249.9 < before - after < 252, f"{before} -> {after}")
        rows = self.indexer.get_events(
            IndexerEventsParams(subaccounts=[self.sub], event_types=["transfer_quote"], limit={"raw": 10})
        )
        expect(rows.events, "no event of the transfer")
        return f"transfer_quote of 250 costs {before - after:g}"

    def case_04(self):
        raise NotApplicable("Nado has no leverage setting: its weights are the market's")

    case_05 = case_04

    def case_06(self):
        self.digest = self.order(0.01, self.price(0.9), id=77)
        found = self.open_orders()
        same([(o.digest, o.unfilled_amount == o.amount) for o in found], [(self.digest, True)], "open orders")
        return "listed with nothing filled"

    def case_07(self):
        found = self.engine.get_order(BTC, self.digest)
        same((found.digest, found.amount), (self.digest, str(self.lots(0.01))), "by digest")
        return "by its digest, which the SDK computes before it sends"

    def case_08(self):
        gone = self.cancel(self.digest).data.cancelled_orders
        same(([o.digest for o in gone], self.open_orders()), ([self.digest], []), "cancelled")
        return self.error(self.cancel, "2020", digest=self.digest)

    def case_09(self):
        for amount in (0.01, 0.02, 0.03):
            self.order(amount, self.price(0.9))
        asked = CancelProductOrdersParams(sender=self.sub, productIds=[BTC])
        gone = self.client.market.cancel_product_orders(asked).data.cancelled_orders
        same((len(gone), self.open_orders()), (3, []), "cancelled")
        return "3 cancelled"

    def case_10(self):
        digest = self.market(0.1)
        same(self.held(), 0.1, "position")
        asked = IndexerMatchesParams(subaccounts=[self.sub], product_ids=[BTC], limit=10)
        rows = self.indexer.get_matches(asked).matches
        expect(rows and rows[0].digest == digest, "no match in the archive")
        return f"0.1 BTC, fee {int(rows[0].fee) / ONE:g}"

    def case_11(self):
        """In the market that stands still: nobody fills the rest meanwhile."""
        desk = Desk(self.crash)
        asks = desk.engine.get_market_liquidity(ETH, 5).asks
        amount = int(int(asks[0][1]) / ONE * 1.5 * 10) / 10
        digest = desk.order(amount, int(asks[0][0]), product=ETH)
        order = desk.engine.get_order(ETH, digest)
        left = abs(int(order.unfilled_amount)) / ONE
        expect(0 < left < amount, f"{left} of {amount} left")
        desk.cancel(digest, ETH)
        desk.market(-desk.held(ETH), ETH, reduce_only=True)
        return f"{amount - left:g} of {amount:g} filled, the rest rests"

    def case_12(self):
        lot = int(self.products[BTC].book_info.size_increment)
        return self.error(self.order, "2094", "2003", amount=lot, price=self.price(0.9))

    def case_13(self):
        said = self.error(self.order, "2000", amount=0.01, price=self.price(0.9) + 1)
        self.error(self.order, "2001", amount=self.lots(0.01) + 1, price=self.price(0.9))
        return said

    def case_14(self):
        return self.error(self.order, "2006", amount=60.0, price=self.price(0.98))

    def case_15(self):
        return self.error(self.order, "2008", amount=0.01, price=self.price(1.01), kind=POST)

    def case_16(self):
        said = self.error(self.order, "2064", amount=0.01, price=self.price(1.01), kind=IOC, reduce_only=True)
        self.order(-self.lots(0.04), self.price(0.99), IOC, reduce_only=True)
        same(round(self.held(), 6), 0.06, "size after")
        return said

    def listed(self, digest):
        tx = ListTriggerOrdersTx(sender=self.sub, recvTime=int(time.time() * 1000) + 30_000)
        signature = self.trigger._sign(NadoTxType.LIST_TRIGGER_ORDERS, tx.dict())
        # list_trigger_orders of SDK 2.0.0 cannot turn its own parameters into its own request.
        asked = ListTriggerOrdersRequest(tx=tx, digests=[digest], signature=signature)
        rows = self.trigger.query(asked.dict()).data.orders
        return [json.loads(r.model_dump_json())["status"] for r in rows]

    def case_17(self):
        kind = "oracle_price_below"
        sent = self.client.market.place_price_trigger_order(
            product_id=BTC,
            price_x18=str(self.price(0.7)),
            amount_x18=str(-self.lots(0.01)),
            trigger_price_x18=str(self.price(0.8)),
            trigger_type=kind,
            reduce_only=True,
            order_type=IOC,
            subaccount_owner=self.address,
        )
        digest = sent.data.digest
        waiting = self.listed(digest)
        expect("waiting_price" in str(waiting), waiting)
        cancel = CancelTriggerOrdersParams(sender=self.sub, productIds=[BTC], digests=[digest])
        self.client.market.cancel_trigger_orders(cancel)
        expect("cancelled" in str(self.listed(digest)), "not cancelled")
        return "waiting_price, then cancelled"

    def case_18(self):
        info = self.engine.get_subaccount_info(self.sub)
        row = next(r.balance for r in info.perp_balances if r.product_id == BTC)
        same(round(int(row.amount) / ONE, 6), 0.06, "amount")
        return f"amount 0.06, v_quote {int(row.v_quote_balance) / ONE:g}"

    def case_19(self):
        price = self.price(0.99, SOL)
        margin = 1_000
        self.order(-self.lots(20, SOL), price, IOC, SOL, isolated=True, margin=margin * 10**6)
        before = self.isolated()
        same(len(before), 1, "isolated positions")
        sub = before[0].subaccount
        self.client.spot.transfer_quote(
            TransferQuoteParams(sender=self.sub, recipient=sub, amount=int(to_x18(100)))
        )
        after = self.isolated()[0]
        grown = (int(after.quote_balance.balance.amount) - int(before[0].quote_balance.balance.amount)) / ONE
        expect(98 < grown <= 100, f"quote grew by {grown}")
        return f"isolated subaccount, quote grew by {grown:g}"

    def case_20(self):
        raise NotApplicable("the mode belongs to the order: cross and isolated positions stand beside each other")

    def case_21(self):
        raise NotApplicable("Nado has one cross position per market and no hedge mode")

    def case_22(self):
        asked = IndexerMatchesParams(subaccounts=[self.sub], product_ids=[BTC], limit=100)
        rows = self.indexer.get_matches(asked).matches
        same(round(sum(int(r.base_filled) for r in rows) / ONE, 6), 0.06, "sum")
        past = IndexerSubaccountHistoricalOrdersParams(subaccounts=[self.sub], product_ids=[BTC], limit=100)
        orders = self.indexer.get_subaccount_historical_orders(past).orders
        expect(len(orders) >= 2, orders)
        return f"{len(rows)} matches; they add up to the position"

    def case_23(self):
        desk = Desk(self.crash)
        desk.market(0.1)
        rate = desk.indexer.get_perp_funding_rate(BTC)
        self.crash.control.forward(15)
        asked = IndexerInterestAndFundingParams(subaccount=desk.sub, product_ids=[BTC], limit=10)
        paid = desk.indexer.get_interest_and_funding_payments(asked).funding_payments
        same([p.product_id for p in paid], [BTC], "payments")
        desk.market(-0.1, reduce_only=True)
        return f"paid {int(paid[0].amount) / ONE:g}, rate {int(rate.funding_rate_x18) / ONE:g}"

    def case_24(self):
        raise NotApplicable("Nado has no dead-man switch: an order's own expiration ends it")

    def case_25(self):
        stranger = Desk(self.calm, key=Account.create().key.hex())
        order = OrderParams(
            sender=self.sub, amount=self.lots(0.01), priceX18=self.price(0.9),
            expiration=get_expiration_timestamp(600), nonce=gen_order_nonce(), appendix=build_appendix(GTC),
        )  # fmt: skip
        asked = PlaceOrderParams(product_id=BTC, order=order)
        return self.error(stranger.client.market.place_order, "2028", params=asked)

    def case_26(self):
        return self.error(self.order, "2004", amount=0.01, price=self.price(0.9), expires=int(time.time()) - 60)

    def listen(self):
        socket = NadoSubscriptionClient(self.calm.url["engine"]).connect()
        auth = StreamAuthenticationParams(sender=self.sub, expiration=int(time.time() * 1000) + 60_000)
        tx = {"sender": bytes.fromhex(self.sub[2:]), "expiration": auth.expiration}
        engine = self.engine
        typed = build_eip712_typed_data(NadoTxType.AUTHENTICATE_STREAM, tx, engine.endpoint_addr, engine.chain_id)
        auth.signature = sign_eip712_typed_data(typed, engine.signer)
        expect(socket.authenticate(auth).get("result", 0) is None, "not authenticated")
        socket.subscribe(FillStream(subaccount=self.sub))
        socket.subscribe(OrderUpdateStream(subaccount=self.sub))
        return socket

    def hear(self, socket, digest, *kinds):
        """Frames until each of these kinds has told of the order."""
        told, frames, wanted = [], [], set(kinds)
        end = time.monotonic() + 6
        while wanted and time.monotonic() < end:
            frame = socket.recv(timeout=6)
            frames.append(frame)
            if frame.get("digest", frame.get("order_digest")) == digest:
                told.append(frame)
                wanted.discard(frame["type"])
        expect(not wanted, f"{wanted} not heard in {frames[:3]}")
        return told

    def case_27(self):
        socket = self.listen()
        self.hear(socket, self.market(0.01), "fill", "order_update")
        socket.close()
        return "fill and order_update, authenticated by signature"

    def case_28(self):
        socket = self.listen()
        self.calm.control.fault("drop_socket", left=1)
        missed = self.market(0.01)
        try:
            while True:
                socket.recv(timeout=5)
        except Exception as raised:
            name = type(raised).__name__
        again = self.listen()
        self.hear(again, self.market(0.01), "fill")
        again.close()
        asked = IndexerMatchesParams(subaccounts=[self.sub], product_ids=[BTC], limit=50)
        rows = [r for r in self.indexer.get_matches(asked).matches if r.digest == missed]
        same(round(sum(int(r.base_filled) for r in rows) / ONE, 6), 0.01, "the missed fill in the archive")
        return f"{name} is raised; a new connection hears again, the archive has the gap"

    def case_29(self):
        self.calm.control.fault("rate_limited", left=1)
        return self.error(self.engine.get_status, "1000", "429", "Too Many")

    def case_30(self):
        self.calm.control.fault("lost_answer", path="/execute", left=1)
        try:
            self.order(0.01, self.price(0.9))
        except Exception as raised:
            name = type(raised).__name__
        else:
            raise AssertionError("an answer came")
        found = self.open_orders()
        same(len(found), 1, "open orders")
        self.cancel(found[0].digest)
        return f"{name} is raised; the order stands in the open orders"

    def case_31(self):
        desk = Desk(self.crash, "bob")
        for _ in range(20):  # Each takes what the book has within 2 %.
            try:
                desk.order(5.0, desk.price(1.02), IOC)
            except Exception as raised:
                if "2056" not in str(raised):
                    refused(raised, "2006")
                    break
                self.crash.control.forward(1)
        for _ in range(24):
            self.crash.control.forward(10)
            if abs(desk.held()) < 1e-9:
                break
        expect(abs(desk.held()) < 1e-9, f"still {desk.held()} BTC")
        feed = desk.indexer.get_events(
            IndexerEventsParams(subaccounts=[desk.sub], event_types=["liquidate_subaccount"], limit={"raw": 20})
        )
        expect(feed.events, "no event of the liquidation")
        return f"{len(feed.events)} liquidate_subaccount events"

    def case_32(self):
        info = self.engine.get_subaccount_info(self.sub)
        groups = json.loads(self.engine.get_health_groups().model_dump_json())
        bundle = {
            "subaccount_info": json.loads(info.model_dump_json()),
            "isolated_positions": [json.loads(p.model_dump_json()) for p in self.isolated()],
            "health_groups": groups["health_groups"],
        }
        return {"bundle": bundle}


if __name__ == "__main__":
    main(Driver, sys.argv[1])
