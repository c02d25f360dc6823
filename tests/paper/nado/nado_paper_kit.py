"""A Nado paper venue in memory, and a trader who signs with a key of his own."""

import json
import sys
from decimal import Decimal

from coincurve import PrivateKey

from solvent.paper.clock import SetClock
from solvent.paper.faults import Faults
from solvent.paper.nado.auth import CHAIN_ID, ENDPOINT, address_of, digest
from solvent.paper.prices import SeededPrices
from solvent.paper.units import ONE, units
from solvent.paper.wire import Request
from solvent.paper.world import Surroundings, World

BTC, ETH, SOL = 2, 4, 8
GTC, IOC, FOK, POST_ONLY = range(4)
START = 1_700_002_680_000
"""Two minutes before a funding hour."""
TYPES = {
    "Order": "bytes32 sender,int128 priceX18,int128 amount,uint64 expiration,uint64 nonce,uint128 appendix",
    "Cancellation": "bytes32 sender,uint32[] productIds,bytes32[] digests,uint64 nonce",
    "CancellationProducts": "bytes32 sender,uint32[] productIds,uint64 nonce",
    "WithdrawCollateral": "bytes32 sender,uint32 productId,uint128 amount,uint64 nonce",
    "TransferQuote": "bytes32 sender,bytes32 recipient,uint128 amount,uint64 nonce",
    "LinkSigner": "bytes32 sender,bytes32 signer,uint64 nonce",
    "LiquidateSubaccount": "bytes32 sender,bytes32 liquidatee,uint32 productId,bool isEncodedSpread,int128 amount,"
    "uint64 nonce",
    "StreamAuthentication": "bytes32 sender,uint64 expiration",
    "ListTriggerOrders": "bytes32 sender,uint64 recvTime",
}


def typed(kind, message, contract, chain_id):
    """The typed data as any EIP-712 library takes it."""
    fields = [dict(zip(("type", "name"), field.split(" "), strict=True)) for field in TYPES[kind].split(",")]
    domain = {"name": "Nado", "version": "0.0.1", "chainId": chain_id, "verifyingContract": contract}
    data = {
        name: [bytes.fromhex(v[2:]) for v in value]
        if name == "digests"
        else bytes.fromhex(value[2:])
        if isinstance(value, str)
        else value
        for name, value in message.items()
    }
    return domain, {kind: fields}, data


class Market:
    """A world with Nado alone, its clock in the hand."""

    def __init__(self, seed=1, scenario="normal", start=START):
        self.clock = SetClock(start)
        around = Surroundings(seed, self.clock, Faults(seed))
        self.world = World(around, SeededPrices(seed, scenario, start), ["nado"])
        self.venue = self.world.venues["nado"]
        self.clearing = self.venue.clearing
        self.alice, self.bob = (Trader(self, row["private_key"]) for row in self.venue.funded())

    def forward(self, seconds, market=True):
        if market:
            self.clock.forward(int(seconds * 1000))
        else:
            self.clock.wall += int(seconds * 1000)
        self.world.advance()

    def ask(self, path, body, method="POST"):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.world.handle("nado", Request(method, path, body=raw))

    def query(self, kind, **given):
        """The data of an engine query; limits of speed do not matter here."""
        self.clock.wall += 11_000
        return self.answer(self.ask("/engine/v1/query", {"type": kind, **given}))["data"]

    def archive(self, name, **given):
        self.clock.wall += 11_000
        return json.loads(self.ask("/indexer/v1", {name: given}).body)

    @staticmethod
    def answer(response):
        body = json.loads(response.body)
        assert body["status"] == "success", body
        return body

    def oracle(self, product_id):
        return self.clearing.products.price(product_id)

    def price(self, product_id, share="1"):
        """The oracle price times a share, on the tick."""
        tick = self.clearing.products.by_number[product_id].tick
        return self.oracle(product_id) * units(share) // ONE // tick * tick


class Trader:
    def __init__(self, market, key):
        self.market = market
        self.key = bytes.fromhex(key[2:])
        self.sub = address_of(self.key) + b"default".hex().ljust(24, "0")
        self._count = 0

    @property
    def state(self):
        return self.market.clearing.subs[self.sub]

    def sign(self, kind, message, contract=ENDPOINT):
        """By the venue's own hash, which is quick; `signed_elsewhere` holds that hash to another library."""
        raw = PrivateKey(self.key).sign_recoverable(digest(kind, message, contract), hasher=None)
        return "0x" + raw[:64].hex() + f"{raw[64] + 27:02x}"

    def signed_elsewhere(self, kind, message, contract=ENDPOINT):
        """By another library's reading of EIP-712. It lifts the limit of recursion, which is put back at once."""
        limit = sys.getrecursionlimit()
        from eth_account import Account
        from eth_account.messages import encode_typed_data

        sys.setrecursionlimit(limit)
        made = encode_typed_data(*typed(kind, message, contract, CHAIN_ID))
        return "0x" + Account.from_key(self.key).sign_message(made).signature.hex().removeprefix("0x")

    def nonce(self, ahead_ms=50_000):
        self._count += 1
        return (self.market.clock.wall + ahead_ms << 20) + self._count

    def order(self, product_id, amount, price, tif=GTC, **more):
        """A signed place_order message. `amount` in whole units of the asset, `price` in units."""
        appendix = 1 | tif << 9
        if "margin" in more:
            appendix |= 1 << 8 | int(Decimal(more["margin"]) * 10**6) << 64
        appendix |= bool(more.get("reduce_only")) << 11 | more.get("trigger_bits", 0) << 12
        appendix |= more.get("value", 0) << 64
        message = {
            "sender": more.get("sender", self.sub),
            "priceX18": price,
            "amount": units(amount),
            "expiration": more.get("expiration", self.market.clock.wall // 1000 + 3_600),
            "nonce": more.get("nonce") or self.nonce(),
            "appendix": more.get("appendix", appendix),
        }
        contract = "0x" + product_id.to_bytes(20, "big").hex()
        made = {
            "product_id": product_id,
            "order": {k: v if k == "sender" else str(v) for k, v in message.items()},
            "signature": self.sign("Order", message, contract),
        }
        for name in ("id", "trigger", "spot_leverage"):
            if name in more:
                made[name] = more[name]
        return made

    def execute(self, **body):
        self.market.clock.wall += 11_000
        return json.loads(self.market.ask("/engine/v1/execute", body).body)

    def place(self, product_id, amount, price, tif=GTC, **more):
        self.market.clock.wall += 11_000
        return self.execute(place_order=self.order(product_id, amount, price, tif, **more))

    def buy(self, product_id, amount, **more):
        """Take the book: no further than two percent from the oracle price. A negative amount sells."""
        share = "1.02" if Decimal(amount) > 0 else "0.98"
        return self.place(product_id, amount, self.market.price(product_id, share), IOC, **more)

    def tx(self, name, kind, order_nonce=False, **message):
        self.market.clock.wall += 11_000
        address = self.sub[:42]
        stored = self.market.clearing.nonces.get(address, 0)
        sender = message.pop("sender", self.sub)
        message = {"sender": sender, **message, "nonce": self.nonce() if order_nonce else stored}
        wire = {k: str(v) if type(v) is int else v for k, v in message.items()}
        return self.execute(**{name: {"tx": wire, "signature": self.sign(kind, message)}})

    def cancel(self, product_ids, digests):
        return self.tx("cancel_orders", "Cancellation", True, productIds=product_ids, digests=digests)

    def transfer(self, recipient, amount, sender=None):
        message = {"recipient": recipient, "amount": units(amount), "sender": sender or self.sub}
        return self.tx("transfer_quote", "TransferQuote", **message)

    def info(self, **more):
        return self.market.query("subaccount_info", subaccount=self.sub, **more)

    def isolated(self):
        return self.market.query("isolated_positions", subaccount=self.sub)["isolated_positions"]

    def bundle(self):
        """All that a margin report needs."""
        body = {"subaccount_info": self.info(), "isolated_positions": self.isolated()}
        return {**body, "health_groups": self.market.query("health_groups")}

    def health(self, level=0):
        return int(self.info()["healths"][level]["health"])


def code(answer):
    return answer.get("error_code")


def consistent(market):
    """The exchange's cash is quote and v_quote of each subaccount, and no money was made."""
    for sub in market.clearing.subs.values():
        assert sub.account.cash == sub.quote + sum(sub.v_quotes.values()), sub.name
    assert market.venue.exchange.total() == 0
