"""A paper Hyperliquid in memory and a client that signs as wallets do, for tests of that venue."""

import json
import sys

import msgspec
from eth_utils import keccak

from solvent.paper.clock import SetClock
from solvent.paper.prices import SeededPrices
from solvent.paper.units import text, times, units
from solvent.paper.wire import Request
from solvent.paper.world import Surroundings, World


def wallets():
    """eth_account, without its raising of the recursion limit, after which deep JSON would end the process."""
    limit = sys.getrecursionlimit()
    from eth_account import Account

    sys.setrecursionlimit(limit)
    return Account


Wallet = wallets()
START = 1_760_000_000_000 // 3_600_000 * 3_600_000
ZERO = "0x" + "0" * 40
SEND_ASSET = " ".join(
    f"{name}:string"
    for name in ("destination", "sourceDex", "destinationDex", "token", "amount", "fromSubAccount")
)
USER_FIELDS = {
    "usdClassTransfer": ("UsdClassTransfer", "amount:string toPerp:bool nonce:uint64"),
    "usdSend": ("UsdSend", "destination:string amount:string time:uint64"),
    "withdraw3": ("Withdraw", "destination:string amount:string time:uint64"),
    "spotSend": ("SpotSend", "destination:string token:string amount:string time:uint64"),
    "approveAgent": ("ApproveAgent", "agentAddress:address agentName:string nonce:uint64"),
    "sendAsset": (
        "SendAsset",
        f"{SEND_ASSET} nonce:uint64",
    ),
}


class Venue:
    """One world with Hyperliquid alone; `post` is the HTTP client."""

    def __init__(self, seed=1, scenario="normal", start=START):
        self.clock = SetClock(start)
        self.world = World(Surroundings(seed, self.clock), SeededPrices(seed, scenario, start), ["hyperliquid"])
        self.served = self.world.venues["hyperliquid"]
        self.exchange = self.served.exchange
        self.asked = 0
        self._nonce = 0
        self.alice, self.bob = (Client(self, Wallet.from_key(row["private_key"])) for row in self.served.funded())

    def post(self, path, body, **headers):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.world.handle("hyperliquid", Request("POST", path, "", headers, raw))

    def info(self, kind, **fields):
        """Each question comes from an address of its own: limits have a test of their own."""
        self.asked += 1
        answer = self.post("/info", {"type": kind, **fields}, **{"x-forwarded-for": str(self.asked)})
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def forward(self, seconds):
        self.clock.forward(seconds * 1000)
        self.world.advance()

    def nonce(self):
        self._nonce = max(self._nonce + 1, self.clock.wall)
        return self._nonce

    def client(self, key):
        return Client(self, Wallet.from_key(key))


class Client:
    """One wallet. `act` signs an action and gives the decoded answer."""

    def __init__(self, venue, wallet):
        self.venue, self.wallet = venue, wallet
        self.user = wallet.address.lower()

    def signed(self, action, nonce=None, vault=None, expires=None, source="b"):
        nonce = self.venue.nonce() if nonce is None else nonce
        if action["type"] in USER_FIELDS:
            name, fields = USER_FIELDS[action["type"]]
            when = "time" if "time:" in fields else "nonce"
            action = {**action, when: nonce, "signatureChainId": "0x66eee", "hyperliquidChain": "Testnet"}
            kinds = [{"name": "hyperliquidChain", "type": "string"}]
            kinds += [dict(zip(("name", "type"), f.split(":"), strict=True)) for f in fields.split()]
            kind, domain = f"HyperliquidTransaction:{name}", ("HyperliquidSignTransaction", 0x66EEE)
            message = {k["name"]: action[k["name"]] for k in kinds}
        else:
            packed = msgspec.msgpack.encode(action) + nonce.to_bytes(8, "big")
            packed += b"\x00" if vault is None else b"\x01" + bytes.fromhex(vault[2:])
            packed += b"" if expires is None else b"\x00" + expires.to_bytes(8, "big")
            kinds = [{"name": "source", "type": "string"}, {"name": "connectionId", "type": "bytes32"}]
            kind, domain = "Agent", ("Exchange", 1337)
            message = {"source": source, "connectionId": keccak(packed)}
        signature = Wallet.sign_typed_data(
            self.wallet.key,
            full_message={
                "domain": {"name": domain[0], "version": "1", "chainId": domain[1], "verifyingContract": ZERO},
                "types": {
                    kind: kinds,
                    "EIP712Domain": [
                        {"name": "name", "type": "string"},
                        {"name": "version", "type": "string"},
                        {"name": "chainId", "type": "uint256"},
                        {"name": "verifyingContract", "type": "address"},
                    ],
                },
                "primaryType": kind,
                "message": message,
            },
        )
        return {
            "action": action,
            "nonce": nonce,
            "signature": {"r": hex(signature.r), "s": hex(signature.s), "v": signature.v},
            "vaultAddress": vault,
            "expiresAfter": expires,
        }

    def act(self, action, **how):
        self.venue.asked += 1
        answer = self.venue.post(
            "/exchange", self.signed(action, **how), **{"x-forwarded-for": str(self.venue.asked)}
        )
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def order(self, coin, sign, size, price=None, tif="Ioc", reduce_only=False, cloid=None, trigger=None, **how):
        """One order; without a price it takes what is there. Gives its status."""
        wire = self.wire(coin, sign, size, price, tif, reduce_only, cloid, trigger)
        answer = self.act({"type": "order", "orders": [wire], "grouping": "na"}, **how)
        return answer["response"]["data"]["statuses"][0] if answer["status"] == "ok" else answer

    def wire(self, coin, sign, size, price=None, tif="Ioc", reduce_only=False, cloid=None, trigger=None):
        listing = self.venue.exchange.listings[coin]
        if price is None:
            far = times(self.venue.exchange.marks[coin], units("1.05" if sign > 0 else "0.95"))
            price = text(listing.snap(far))
        kind = {"limit": {"tif": tif}}
        if trigger is not None:
            market, at, what = trigger
            kind = {"trigger": {"isMarket": market, "triggerPx": str(at), "tpsl": what}}
        wire = {"a": listing.number, "b": sign > 0, "p": str(price), "s": str(size), "r": reduce_only, "t": kind}
        return wire | ({"c": cloid} if cloid else {})

    def leverage(self, coin, value, cross=True):
        asset = self.venue.exchange.listings[coin].number
        return self.act({"type": "updateLeverage", "asset": asset, "isCross": cross, "leverage": value})

    def state(self):
        return self.venue.info("clearinghouseState", user=self.user)

    def position(self, coin):
        rows = [i["position"] for i in self.state()["assetPositions"]]
        return next((r for r in rows if r["coin"] == coin), None)

    def bundle(self):
        """What a recorder keeps of the account; the leverage of coins with orders is asked for, held or not."""
        orders = self.venue.info("frontendOpenOrders", user=self.user)
        active = [
            {"params": {"coin": c}, "body": self.venue.info("activeAssetData", user=self.user, coin=c)}
            for c in sorted({o["coin"] for o in orders})
        ]
        return {
            **({"activeAssetData": active} if active else {}),
            "clearinghouseState": self.state(),
            "meta": self.venue.info("meta"),
            "openOrders": orders,
            "userAbstraction": self.venue.info("userAbstraction", user=self.user),
        }
