"""Orders of Nado: the appendix and its bits, every check in its turn, then the book."""

from dataclasses import dataclass
from typing import Any, Final

from solvent.paper import matching
from solvent.paper.listing import Listing
from solvent.paper.nado import auth
from solvent.paper.nado.clearing import Clearing
from solvent.paper.nado.fields import Fields
from solvent.paper.nado.listings import MIN_SIZE
from solvent.paper.nado.rules import NadoRules
from solvent.paper.nado.subaccounts import Sub
from solvent.paper.nado.words import Refused
from solvent.paper.orders import Order, Status, Tif
from solvent.paper.units import ONE, times

VERSION: Final = 1
EARLIEST_MS: Final = 100_000
OPEN_MOST: Final = 500
TIFS: Final = (Tif.GTC, Tif.IOC, Tif.FOK, Tif.POST_ONLY)
NAMES: Final = {Tif.GTC: "default", Tif.IOC: "ioc", Tif.FOK: "fok", Tif.POST_ONLY: "post_only"}
REFUSALS: Final = {"health": 2006, "post_only": 2008, "reduce_only": 2064, "fok": 2031, "ioc": 2056}


@dataclass(frozen=True, slots=True)
class Appendix:
    """version 0-7 | isolated 8 | type 9-10 | reduce-only 11 | trigger 12-13 | reserved | builder 38-63 | value."""

    raw: int

    @property
    def version(self) -> int:
        return self.raw & 0xFF

    @property
    def isolated(self) -> bool:
        return bool(self.raw >> 8 & 1)

    @property
    def tif(self) -> Tif:
        return TIFS[self.raw >> 9 & 3]

    @property
    def reduce_only(self) -> bool:
        return bool(self.raw >> 11 & 1)

    @property
    def trigger(self) -> int:
        """0 none, 1 price, 2 and 3 over time."""
        return self.raw >> 12 & 3

    @property
    def reserved(self) -> int:
        return self.raw >> 14 & (1 << 50) - 1

    @property
    def value(self) -> int:
        return self.raw >> 64

    @property
    def margin(self) -> int:
        """Isolated: the quote to move in at the first match."""
        return self.value * 10**12 if self.isolated else 0


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed order as it came in."""

    product_id: int
    sender: str
    price: int
    amount: int
    expiration: int
    nonce: int
    appendix: Appendix
    digest: str
    signature: str
    signer: str
    client_id: int | None
    spot_leverage: bool | None

    def message(self) -> dict[str, str]:
        """In the words of the archive."""
        return {
            "sender": self.sender,
            "priceX18": str(self.price),
            "amount": str(self.amount),
            "expiration": str(self.expiration),
            "nonce": str(self.nonce),
            "appendix": str(self.appendix.raw),
        }


def read(fields: Fields) -> Signed:
    """A place_order message. Raises Refused where a field is missing or no signature can be read."""
    order = fields.inner("order")
    if not order.has("nonce"):
        raise Refused(2033)
    message: dict[str, Any] = {
        "sender": order.bytes_of("sender", 32),
        "priceX18": order.whole("priceX18", 128, signed=True),
        "amount": order.whole("amount", 128, signed=True),
        "expiration": order.whole("expiration", 64),
        "nonce": order.whole("nonce", 64),
        "appendix": order.whole("appendix", 128) if order.has("appendix") else 0,
    }
    product_id = fields.whole("product_id", 32)
    signature = fields.text("signature")
    hashed = auth.digest("Order", message, auth.order_contract(product_id))
    return Signed(
        product_id,
        message["sender"],
        message["priceX18"],
        message["amount"],
        message["expiration"],
        message["nonce"],
        Appendix(message["appendix"]),
        "0x" + hashed.hex(),
        signature,
        auth.signer(hashed, signature),
        fields.whole("id", 64) if fields.has("id") else None,
        fields.flag("spot_leverage"),
    )


def check_receive_time(nonce: int, wall_ms: int) -> None:
    """The upper 44 bits of an order's nonce: until when the engine may receive it, at most 100 s ahead."""
    receive = nonce >> 20
    if receive <= wall_ms:
        raise Refused(2011)
    if receive > wall_ms + EARLIEST_MS:
        raise Refused(2012)


def check_signer(clearing: Clearing, sender: str, signer: str) -> None:
    """The owner's key, or the signer linked to the subaccount."""
    sub = clearing.subs.get(sender)
    if signer != sender[:42] and not (sub and signer == clearing.subs.get(sub.owner, sub).signer):
        raise Refused(2028)


def check_form(clearing: Clearing, signed: Signed, wall_ms: int) -> Listing:
    """All that does not depend on the book. Raises Refused."""
    product = clearing.products.by_number.get(signed.product_id)
    if product is None or product.number == 0:
        raise Refused(2016)
    check_signer(clearing, signed.sender, signed.signer)
    appendix = signed.appendix
    if appendix.version != VERSION:
        raise Refused(2095, version=appendix.version, expected=VERSION)
    if appendix.reserved or (appendix.value and not appendix.isolated and not appendix.trigger):
        raise Refused(4001)
    _check_isolated(clearing, signed, product.perp)
    if not clearing.products.listed(product.number):
        raise Refused(2069)
    if signed.spot_leverage is False:
        raise Refused(2019)
    _check_amounts(clearing, signed, clearing.exchange.listings[product.symbol])
    if signed.expiration <= wall_ms // 1000:
        raise Refused(2004)
    return clearing.exchange.listings[product.symbol]


def _check_isolated(clearing: Clearing, signed: Signed, perp: bool) -> None:
    sub, appendix = clearing.subs.get(signed.sender), signed.appendix
    if sub is not None and sub.isolated:
        if appendix.isolated:
            raise Refused(2081)
        if signed.product_id != sub.product_id:
            raise Refused(2082)
        if not appendix.reduce_only:
            raise Refused(2088)
    if appendix.isolated:
        for wrong, code in ((not perp, 2083), (appendix.trigger > 0, 2084), (appendix.reduce_only, 2085)):
            if wrong:
                raise Refused(code)


def _check_amounts(clearing: Clearing, signed: Signed, listing: Listing) -> None:
    price, amount, number = signed.price, signed.amount, signed.product_id
    if amount == 0:
        raise Refused(2002)
    if price <= 0:
        raise Refused(2055)
    if price % listing.tick:
        raise Refused(2000, price=price, product_id=number, step=listing.tick)
    if abs(amount) % listing.lot:
        raise Refused(2001, amount=amount, product_id=number, step=listing.lot)
    takes = signed.appendix.tif in (Tif.IOC, Tif.FOK)
    if not takes and times(abs(amount), price) < MIN_SIZE:
        raise Refused(2094, amount=amount, price=price, product_id=number, least=MIN_SIZE)
    if abs(amount) > 10**12 * ONE:
        raise Refused(2091)
    if signed.appendix.reduce_only and not takes and not signed.appendix.trigger:
        raise Refused(2067)
    oracle = clearing.products.price(number)
    if price * 5 < oracle or price > oracle * 5:
        raise Refused(2007)


def place(clearing: Clearing, rules: NadoRules, signed: Signed, wall_ms: int, *, triggered: bool = False) -> str:
    """Check a signed order and hand it to the book; its digest. Raises Refused."""
    if not triggered:
        check_receive_time(signed.nonce, wall_ms)
        if signed.appendix.trigger:
            raise Refused(2097)
    listing = check_form(clearing, signed, wall_ms)
    if signed.digest in clearing.digests:
        raise Refused(2013)
    owner = clearing.known(signed.sender)
    sub = clearing.isolated_for(owner, signed.product_id) if signed.appendix.isolated else owner
    if sum(o.symbol == listing.symbol for o in sub.account.orders.values()) >= OPEN_MOST:
        raise Refused(2005)
    order = _order(signed, listing)
    small = times(abs(signed.amount), signed.price) < MIN_SIZE
    rules.small_taker = sub.account.name if small else ""
    clearing.remember(signed.digest, sub.name, 0)
    done = matching.place(clearing.exchange, sub.account, order)
    clearing.remember(signed.digest, sub.name, done.number)
    rules.small_taker = ""
    if done.status in (Status.REJECTED, Status.CANCELLED) and not done.filled:
        if done.status is Status.REJECTED:
            del clearing.digests[signed.digest]
        raise Refused(REFUSALS.get(done.reason, 2053 if done.reason else 2006))
    return signed.digest


def _order(signed: Signed, listing: Listing) -> Order:
    appendix = signed.appendix
    return Order(
        symbol=listing.symbol,
        sign=1 if signed.amount > 0 else -1,
        size=abs(signed.amount),
        price=signed.price,
        tif=appendix.tif,
        reduce_only=appendix.reduce_only,
        extra={
            "digest": signed.digest,
            "sender": signed.sender,
            "amount": signed.amount,
            "expiration": signed.expiration,
            "nonce": signed.nonce,
            "appendix": appendix.raw,
            "signature": signed.signature,
            "id": signed.client_id,
            "margin": appendix.margin,
            "message": signed.message(),
            "fee": 0,
        },
    )


def order_row(order: Order, product_id: int) -> dict[str, Any]:
    """An open or cancelled order as the engine sends it."""
    return {
        "product_id": product_id,
        "sender": order.extra["sender"],
        "price_x18": str(order.price),
        "amount": str(order.extra["amount"]),
        "expiration": str(order.extra["expiration"]),
        "order_type": NAMES[order.tif],
        "nonce": str(order.extra["nonce"]),
        "unfilled_amount": str(order.sign * order.left),
        "digest": order.extra["digest"],
        "appendix": str(order.extra["appendix"]),
        "placed_at": order.created // 1000,
    }


def find(clearing: Clearing, digest: str) -> tuple[Sub, Order] | None:
    """The live order of a digest, and the subaccount that keeps it."""
    where = clearing.digests.get(digest)
    if where is None:
        return None
    sub = clearing.subs[where[0]]
    order = sub.account.orders.get(where[1])
    return None if order is None else (sub, order)
