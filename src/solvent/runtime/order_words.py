"""How orders, fills and decisions are put into records: plain fields, amounts as text."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from solvent.core.errors import BadInput
from solvent.core.facts import MAX_TEXT, Fill
from solvent.core.numbers import parse_decimal, text
from solvent.positions import event_data
from solvent.risk.gate import RiskDecision
from solvent.risk.limits import Limits
from solvent.risk.lines import Resting
from solvent.risk.reservations import Reservation, Stage
from solvent.risk.situation import Situation
from solvent.risk.verdict import Verdict


def number_of(value: Any, field: str) -> Decimal:
    try:
        return parse_decimal(value, field)
    except BadInput as error:
        raise ValueError(str(error)) from None


def price_of(value: Any, field: str) -> Decimal:
    number = number_of(value, field)
    if number <= 0:
        raise ValueError(f"{field}: expected a price above 0, was {number}")
    return number


def asset_of(value: Any, field: str) -> str:
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > MAX_TEXT:
        raise ValueError(f"{field}: expected the name of an asset, was {value!r}"[:160])
    return value


def config_fields(config: Limits) -> dict[str, Any]:
    return {name: _plain(v) for name, v in config.model_dump().items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return text(value)
    return list(value) if isinstance(value, tuple) else value


def verdict_row(verdict: Verdict) -> list[Any]:
    """A verdict on record: check, code, limit, actual, headroom, then "waived" and the note where there are."""
    row: list[Any] = [verdict.check, verdict.code]
    if verdict.limit is not None:
        row += [verdict.limit, verdict.actual, verdict.headroom]
    if verdict.waived or verdict.note:
        row += ["waived" if verdict.waived else "", verdict.note]
    return row


def decision_fields(decision: RiskDecision, s: Situation) -> tuple[str, dict[str, Any]]:
    """The decision with each verdict and the inputs it used; an approved one with its reservation."""
    order = s.order
    worst = None if order.market else order.price
    resting = Resting(order.client_id, order.key, order.sign, order.quantity, worst, order.reduce_only)
    fields: dict[str, Any] = {
        "symbol": order.symbol,
        "venue": order.venue,
        "side": "buy" if order.sign > 0 else "sell",
        "quantity": text(order.quantity),
        "price": None if order.price is None else text(order.price),
        "client_id": order.client_id,
        "reduce_only": order.reduce_only,
        "reason": decision.reason,
        "flags": list(decision.flags),
        "at_ms": s.now_ms,
        "used_mark": None if s.mark is None else text(s.mark.price),
        "mark_at_ms": None if s.mark is None else s.mark.at_ms,
        "used_equity": None if s.money is None else text(s.money.equity),
        "position": text(s.position),
        "verdicts": [verdict_row(v) for v in decision.verdicts],
    }
    if s.assets:
        rates = {asset: s.rates.rate(asset) for asset in s.assets}
        fields["used_rates"] = {a: None if r is None else [text(r.price), r.at_ms] for a, r in rates.items()}
    if not decision.approved:
        return "risk_rejected", fields
    fields["reservation"] = Reservation(resting, Stage.RESERVED, s.now_ms).to_data()
    return "risk_approved", fields


def fill_fields(fill: Any) -> dict[str, Any]:
    def said(name: str) -> str:
        return str(getattr(fill, name, None) or "")

    if not said("id"):
        raise ValueError("id: expected the fill's id")
    quantity, price = price_of(fill.quantity, "quantity"), price_of(fill.price, "price")
    return {
        **(event_data(fill) if isinstance(fill, Fill) else {}),
        "id": said("id"),
        "order_id": said("order_id"),
        "client_id": said("client_id"),
        "symbol": str(fill.symbol),
        "venue": said("venue"),
        "account": said("account"),
        "position_side": said("position_side") or None,
        "side": str(fill.side),
        "quantity": text(quantity),
        "price": text(price),
        "fee": text(number_of(getattr(fill, "fee", 0) or 0, "fee")),
        "fee_asset": said("fee_asset"),
    }


def reported_order(order: Any, venue: str, now: int) -> Reservation:
    get: Callable[[str], Any] = (
        order.get if isinstance(order, Mapping) else lambda name: getattr(order, name, None)
    )
    price = get("price")
    order_id = str(get("order_id") or get("id") or "")
    client_id = str(get("client_id") or "") or f"venue:{order_id}"
    if client_id == "venue:":
        raise ValueError("order: expected a client_id or an order_id")
    if str(get("side")) not in ("buy", "sell"):
        raise ValueError(f"side: expected buy or sell, was {get('side')!r}")
    key = (str(get("venue") or venue), str(get("symbol")), str(get("position_side") or ""))
    remaining = next((v for v in (get("remaining"), get("quantity")) if v is not None), None)
    resting = Resting(
        client_id,
        key,
        1 if str(get("side")) == "buy" else -1,
        price_of(remaining, "quantity"),
        None if price is None else price_of(price, "price"),
        get("reduce_only") is True,
    )
    return Reservation(resting, Stage.LIVE, now, order_id)
