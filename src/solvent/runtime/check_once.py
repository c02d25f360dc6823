"""One order against one configuration and one bundle: the gate without a desk."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from solvent.core.account import Account
from solvent.core.errors import BadInput
from solvent.core.numbers import decimal_of
from solvent.risk.gate import RiskDecision
from solvent.runtime.config import RiskConfig
from solvent.runtime.risk_manager import RiskManager
from solvent.venues.depth import shallow

FACTS = frozenset({"mark", "bid", "ask", "equity", "balance", "rates"})
FIELDS = frozenset(
    {
        "symbol",
        "side",
        "order_type",
        "type",
        "quantity",
        "price",
        "trigger_price",
        "reduce_only",
        "venue",
        "position_side",
        "client_id",
    }
)


class OrderWords:
    """An order's fields as they were given; the gate judges their form."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.facts = {name: fields.pop(name) for name in list(fields) if name in FACTS}
        default = "limit" if fields.get("price") is not None else "market"
        kind = fields.pop("type", None)
        fields.setdefault("order_type", default if kind is None else kind)
        for name in FIELDS - {"type"}:
            setattr(self, name, fields.get(name))
        self.reduce_only = fields.get("reduce_only", False)


def order_of(text: str) -> OrderWords:
    """Raises BadInput where the text is no JSON object of an order's fields."""
    try:
        body = msgspec.json.decode(shallow(text))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise BadInput("--order", "JSON", f"<{error}>") from None
    if not isinstance(body, dict):
        raise BadInput("--order", "an object", f"<{type(body).__name__}>")
    odd = sorted(set(body) - FIELDS - FACTS)
    if odd:
        raise BadInput("--order", f"the fields {', '.join(sorted(FIELDS | FACTS))}", odd[0])
    return OrderWords(body)


def check_once(
    order: OrderWords, config: Path, bundle: Path | None, venue: Any = None, regime: str | None = None
) -> RiskDecision:
    """The decision, as of the bundle's capture. Raises BadInput."""
    try:
        limits = RiskConfig.from_file(config)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(".".join(map(str, first["loc"])) or str(config), first["msg"], first.get("input")) from None
    account = None
    if bundle is not None:
        from solvent.venues import readers

        account = readers.read(bundle, venue, regime=regime)
    at = datetime.now(UTC)
    if account is not None and account.as_of is not None:
        at = datetime.fromtimestamp(account.as_of / 1000, UTC)
    risk = RiskManager(limits, clock=lambda: at, control=False)
    if account is not None:
        _attach(risk, account, order)
    _say(risk, order)
    return risk.preview_order(order)


def _attach(risk: RiskManager, account: Account, order: OrderWords) -> None:
    """What the bundle says: marks, margin, equity, instruments, resting orders."""
    from solvent.margin.evaluate import evaluate
    from solvent.margin.venues import rules_for

    made = evaluate(rules_for(account))
    if account.instruments:
        risk.attach_instruments(account)
        for name, market in account.instruments.items():
            if market.price:
                risk.update_market_price(name, decimal_of(market.price))
    risk.attach_margin(account)
    equity = made.figures["equity"].value
    if equity is not None:
        risk.update_account(equity, equity)
    resting = [
        {
            "symbol": o.instrument,
            "side": "buy" if o.size > 0 else "sell",
            "quantity": decimal_of(abs(o.size)),
            "price": decimal_of(o.price),
            "reduce_only": o.reduce_only,
            "position_side": str(o.side or ""),
            "order_id": f"bundle-{number}",
        }
        for number, o in enumerate(account.orders or ())
    ]
    risk.merge_open_orders(resting)
    if getattr(order, "venue", None) == str(account.venue):
        setattr(order, "venue", None)  # noqa: B010  one venue's bundle: its lines carry no name


def _say(risk: RiskManager, order: OrderWords) -> None:
    facts, symbol = order.facts, getattr(order, "symbol", None)
    rates = facts.get("rates", {})
    if not isinstance(rates, dict):
        raise BadInput("--order", "rates as an object, by asset", f"<{type(rates).__name__}>")
    try:
        for asset, rate in rates.items():
            risk.update_rate(asset, rate)
        if "equity" in facts:
            risk.update_account(facts.get("balance", facts["equity"]), facts["equity"])
        if "mark" in facts and isinstance(symbol, str):
            risk.update_market_price(symbol, facts["mark"], bid=facts.get("bid"), ask=facts.get("ask"))
    except ValueError as error:
        raise BadInput("--order", "numbers", str(error)) from None
