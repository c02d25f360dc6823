"""What the engine and the trigger service do: `POST /execute` with one message, signed."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from solvent.paper import matching
from solvent.paper.nado import auth, placing
from solvent.paper.nado.clearing import Clearing
from solvent.paper.nado.fields import Fields
from solvent.paper.nado.health import INITIAL, MAINTENANCE, UNWEIGHTED, Balance
from solvent.paper.nado.limits import EXECUTES, Limits, execute_weight
from solvent.paper.nado.listings import (
    DECIMALS,
    ISOLATED_TRANSFER_FEE,
    LEAST_TRANSFER,
    QUOTE_ID,
    TRANSFER_FEE,
    WITHDRAW_FEES,
)
from solvent.paper.nado.rules import NadoRules
from solvent.paper.nado.subaccounts import NOBODY, Sub
from solvent.paper.nado.triggers import Triggers
from solvent.paper.nado.words import Refused
from solvent.paper.orders import Order
from solvent.paper.units import ONE

DAY_MS: Final = 86_400_000
BATCH_MOST: Final = 50
LINKS_MOST: Final = 50
RECIPIENTS_MOST: Final = 5


class Executes:
    """`perform` does one message; its data or None. Raises Refused."""

    def __init__(
        self,
        clearing: Clearing,
        rules: NadoRules,
        triggers: Triggers,
        limits: Limits,
        wall_ms: Callable[[], int],
    ) -> None:
        self._clearing, self._rules, self._triggers = clearing, rules, triggers
        self._limits, self._wall_ms = limits, wall_ms
        self._recipients: dict[str, dict[str, int]] = {}
        """Whom each subaccount first sent quote to, and when."""
        self._by_name: Mapping[str, Callable[[Fields], Any]] = {
            "place_order": self._place_order,
            "place_orders": self._place_orders,
            "cancel_orders": self._cancel_orders,
            "cancel_product_orders": self._cancel_product_orders,
            "cancel_and_place": self._cancel_and_place,
            "withdraw_collateral": lambda f: self._withdraw(f, "WithdrawCollateral"),
            "withdraw_collateral_v2": lambda f: self._withdraw(f, "WithdrawCollateralV2"),
            "transfer_quote": self._transfer_quote,
            "link_signer": self._link_signer,
            "liquidate_subaccount": self._liquidate,
            "mint_nlp": self._not_here,
            "burn_nlp": self._not_here,
        }

    def perform(self, name: str, fields: Fields, given: dict[str, Any]) -> Any:
        if name not in self._by_name:
            raise Refused(2038)
        self._limits.spend(f"wallet {_wallet(given)}", execute_weight(name, given), EXECUTES)
        return self._by_name[name](fields)

    # --- orders

    def _place_order(self, fields: Fields) -> dict[str, str]:
        if fields.has("trigger"):
            return {"digest": self._triggers.place(fields)}
        signed = placing.read(fields)
        return {"digest": placing.place(self._clearing, self._rules, signed, self._wall_ms())}

    def _place_orders(self, fields: Fields) -> dict[str, Any]:
        rows = fields.items("orders")
        if len(rows) > BATCH_MOST:
            raise Refused(2111)
        stop = fields.flag("stop_on_failure") is True
        orders = [Fields(row, 2038) for row in rows]
        if len({o.inner("order").bytes_of("sender", 32) for o in orders}) > 1:
            raise Refused(2114)
        made: list[dict[str, Any]] = []
        for order in orders:
            try:
                made.append({"digest": self._place_order(order)["digest"], "error": None})
            except Refused as refused:
                made.append({"digest": None, "error": refused.text, "error_code": refused.code})
                if stop:
                    break
        return {"place_orders": made}

    def _cancel_orders(self, fields: Fields) -> dict[str, Any]:
        sender, _, message = self._signed(fields, "Cancellation", order_nonce=True)
        return self._cancel(sender, message)

    def _cancel(self, sender: str, message: Mapping[str, Any]) -> dict[str, Any]:
        digests, numbers = message["digests"], message["productIds"]
        if len(digests) != len(numbers):
            raise Refused(2039)
        found: list[tuple[Sub, Order]] = []
        for digest, number in zip(digests, numbers, strict=True):
            if self._triggers.waiting(digest) is not None:
                continue
            at = placing.find(self._clearing, digest)
            if at is None or self._clearing.exchange.listings[at[1].symbol].number != number:
                raise Refused(2020, digest=digest)
            if at[1].extra["sender"] != sender:
                raise Refused(2014)
            found.append(at)
        self._triggers.cancel_digests(sender, digests)
        return self._cancelled(found)

    def _cancelled(self, found: list[tuple[Sub, Order]]) -> dict[str, Any]:
        rows: list[dict[str, Any]] = []
        for sub, order in found:
            number = self._clearing.exchange.listings[order.symbol].number
            row = placing.order_row(order, number)
            if matching.cancel(self._clearing.exchange, sub.account, order.number) is not None:
                rows.append(row)
        return {"cancelled_orders": rows}

    def _cancel_product_orders(self, fields: Fields) -> dict[str, Any]:
        sender, _, message = self._signed(fields, "CancellationProducts", order_nonce=True)
        numbers = message["productIds"]
        if any(n not in self._clearing.products.by_number for n in numbers):
            raise Refused(2060)
        self._triggers.cancel_products(sender, numbers)
        found = [
            (sub, order)
            for sub in list(self._clearing.subs.values())
            if sender in (sub.name, sub.parent)
            for order in list(sub.account.orders.values())
            if order.extra.get("sender") == sender
            and (not numbers or self._clearing.exchange.listings[order.symbol].number in numbers)
        ]
        return self._cancelled(found)

    def _cancel_and_place(self, fields: Fields) -> dict[str, Any]:
        given = {"tx": fields.raw("cancel_tx"), "signature": fields.raw("cancel_signature")}
        sender, signer, message = self._signed(Fields(given, 2038), "Cancellation", order_nonce=True)
        signed = placing.read(fields.inner("place_order"))
        if signed.sender != sender or signed.signer != signer:
            raise Refused(2066)
        self._cancel(sender, message)
        return {"digest": placing.place(self._clearing, self._rules, signed, self._wall_ms())}

    # --- money

    def _withdraw(self, fields: Fields, kind: str) -> None:
        sender, _, message = self._signed(fields, kind)
        sub, number = self._clearing.known(sender), message["productId"]
        product = self._clearing.products.by_number.get(number)
        if product is None or product.perp or number not in DECIMALS:
            raise Refused(2016)
        if sub.isolated:
            raise Refused(2050)
        amount = message["amount"] * (ONE // 10 ** DECIMALS[number])
        if not amount:
            raise Refused(2002)
        taken = amount + WITHDRAW_FEES.get(number, 0)
        if fields.flag("spot_leverage") is False and taken > sub.spots.get(number, 0):
            raise Refused(2017)
        if self._clearing.health(sub, (Balance(number, -taken, 0),)).at(INITIAL) < 0:
            raise Refused(2036)
        self._spend_nonce(sender)
        index = self._clearing.credit(sub, number, -taken, "withdraw_collateral")
        tx = {"sender": sender, "product_id": number, "amount": str(message["amount"]), "nonce": message["nonce"]}
        self._clearing.history.submit(index, self._clearing.exchange.now, {"withdraw_collateral": tx})

    def _transfer_quote(self, fields: Fields) -> None:
        sender, _, message = self._signed(fields, "TransferQuote")
        recipient, amount = message["recipient"], message["amount"]
        sub = self._clearing.known(sender)
        if recipient == sender:
            raise Refused(2079)
        if amount < LEAST_TRANSFER:
            raise Refused(2077)
        target = self._clearing.subs.get(recipient)
        isolated = sub.isolated or (target is not None and target.isolated)
        if isolated and (target is None or not _family(sub, target)):
            raise Refused(2050)
        self._check_recipient(sub, recipient)
        if self._clearing.health(sub, (Balance(QUOTE_ID, -amount, 0),)).at(INITIAL) < 0:
            raise Refused(2036)
        self._spend_nonce(sender)
        fee = ISOLATED_TRANSFER_FEE if isolated else TRANSFER_FEE
        self._clearing.transfer(sub, self._clearing.sub(recipient), amount, fee)

    def _check_recipient(self, sub: Sub, recipient: str) -> None:
        if recipient[:42] == sub.address:
            return
        sent, now = self._recipients.setdefault(sub.name, {}), self._wall_ms()
        if recipient in sent:
            return
        if sum(at > now - DAY_MS for at in sent.values()) >= RECIPIENTS_MOST:
            raise Refused(2078)
        sent[recipient] = now

    # --- signers, liquidation

    def _link_signer(self, fields: Fields) -> None:
        sender, _, message = self._signed(fields, "LinkSigner")
        sub, signer, now = self._clearing.known(sender), message["signer"][:42], self._wall_ms()
        if sub.isolated:
            raise Refused(2089)
        if signer != NOBODY and signer == sub.signer:
            raise Refused(2026)
        if signer != NOBODY and self._clearing.health(sub).at(UNWEIGHTED) < 5 * ONE:
            raise Refused(2025)
        links = [at for at in sub.signer_links if at > now - 7 * DAY_MS]
        if len(links) >= LINKS_MOST:
            raise Refused(2030, wait_time=(links[0] + 7 * DAY_MS - now) // 1000)
        self._spend_nonce(sender)
        sub.signer_links = [*links, now]
        sub.signer = signer

    def _liquidate(self, fields: Fields) -> None:
        sender, _, message = self._signed(fields, "LiquidateSubaccount")
        self._clearing.known(sender)
        victim = self._clearing.subs.get(message["liquidatee"])
        if victim is None or self._clearing.health(victim).at(MAINTENANCE) >= 0:
            raise Refused(2042)
        raise Refused(2045)

    def _not_here(self, fields: Fields) -> None:
        raise Refused(4001)

    # --- who signed

    def _signed(self, fields: Fields, kind: str, *, order_nonce: bool = False) -> tuple[str, str, dict[str, Any]]:
        """Sender, signer and message. Raises Refused for a wrong nonce or signer."""
        tx = fields.inner("tx")
        if not tx.has("nonce"):
            raise Refused(2033)
        message = _message(tx, kind)
        signer = auth.signer(auth.digest(kind, message), fields.text("signature"))
        sender = message["sender"]
        placing.check_signer(self._clearing, sender, signer)
        if order_nonce:
            placing.check_receive_time(message["nonce"], self._wall_ms())
        elif message["nonce"] != self._clearing.nonces.get(sender[:42], 0):
            raise Refused(2022)
        return sender, signer, message

    def _spend_nonce(self, sender: str) -> None:
        nonces = self._clearing.nonces
        nonces[sender[:42]] = nonces.get(sender[:42], 0) + 1


def _message(tx: Fields, kind: str) -> dict[str, Any]:
    """The fields of a message, by the types it is signed with."""
    made: dict[str, Any] = {}
    for field in auth.TYPES[kind].split(","):
        shape, name = field.split(" ")
        if shape == "bytes32":
            made[name] = tx.bytes_of(name, 32)
        elif shape == "address":
            made[name] = tx.bytes_of(name, 20)
        elif shape == "bytes32[]":
            made[name] = tx.bytes_list(name)
        elif shape == "uint32[]":
            made[name] = tx.wholes(name)
        elif shape == "bool":
            made[name] = int(bool(tx.flag(name)))
        else:
            signed = shape.startswith("int")
            made[name] = tx.whole(name, int(shape.removeprefix("u").removeprefix("int")), signed=signed)
    return made


def _family(one: Sub, other: Sub) -> bool:
    return one.parent == other.name or other.parent == one.name


def _wallet(given: dict[str, Any]) -> str:
    """The wallet a message is from, before anything in it is checked."""
    rows = given.get("orders")
    if isinstance(rows, list) and rows and isinstance(rows[0], dict):
        given = rows[0]
    for name in ("tx", "order", "cancel_tx"):
        inner = given.get(name)
        if isinstance(inner, dict):
            return str(inner.get("sender"))[:42].lower()
    return ""
