"""Nado's matches (the indexer's `matches`, or `events` that carry them) as facts.

Source: the venue's public documentation of the indexer; not checked against recorded lists. Amounts are x18; the
price is quote_filled / base_filled, the fee stands beside it.
"""

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any, Final

import msgspec

from solvent.core.errors import BadInput
from solvent.core.facts import Fill
from solvent.venues import envelope, fill_lists
from solvent.venues.fill_lists import FillList

VENUE: Final = "nado"
QUOTE: Final = "USDT0"
MATCH: Final = "match_orders"
_X18: Final = 18
_WIDE: Final = Context(prec=120)
_TICK: Final = Decimal(1).scaleb(-_X18)

Integer = str | int


class Match(msgspec.Struct, frozen=True):
    """One match; other fields pass unseen."""

    digest: str
    base_filled: Integer
    quote_filled: Integer
    submission_idx: Integer
    fee: Integer = 0
    product_id: int | None = None
    symbol: str = ""
    timestamp: Integer | None = None
    isolated: bool = False
    pre_balance: Any = None
    post_balance: Any = None


def read(body: Any, path: str, symbols: Mapping[int, str] | None = None) -> FillList:
    """The matches of a body, in the order of their submissions. Raises BadInput naming the field."""
    made: list[list[tuple[int, Fill]]] = []
    for page, rows in fill_lists.pages(body, ("data", "matches", "events"), path):
        txs = _transactions(page.get("txs"), f"{path}.txs")
        listed = [(row, where) for row, where in rows if row.get("event_type", MATCH) == MATCH]
        found: list[tuple[int, Fill]] = []
        for row, where in reversed(listed):  # the venue lists newest first
            raw = envelope.decode(row, Match, where)
            number = _integer(raw.submission_idx, f"{where}.submission_idx")
            found.append((number, _fact(raw, where, txs.get(number, {}), number, symbols or {})))
        made.append(sorted(found, key=lambda placed: placed[0]))
    fills: tuple[Fill, ...] = fill_lists.joined(made)
    return FillList(fills)


def _transactions(txs: Any, path: str) -> dict[int, Mapping[str, Any]]:
    """What a page says of its submissions: there the time stands."""
    made: dict[int, Mapping[str, Any]] = {}
    for index, tx in enumerate(txs if isinstance(txs, list) else ()):
        if not isinstance(tx, dict):
            raise BadInput(f"{path}[{index}]", "an object", f"<a JSON {type(tx).__name__}>")
        made[_integer(tx.get("submission_idx"), f"{path}[{index}].submission_idx")] = tx
    return made


def _integer(value: object, path: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**60:
        return value
    if isinstance(value, str) and len(value) <= 60:
        digits = value.removeprefix("-")
        if digits.isascii() and digits.isdigit():
            return int(value)
    raise BadInput(path, "a whole number", "<missing>" if value is None else value)


def _amount(value: Integer, path: str) -> Decimal:
    return _WIDE.scaleb(Decimal(_integer(value, path)), -_X18)


def _fact(raw: Match, path: str, tx: Mapping[str, Any], number: int, symbols: Mapping[int, str]) -> Fill:
    base = _amount(raw.base_filled, f"{path}.base_filled")
    quote = _amount(raw.quote_filled, f"{path}.quote_filled")
    if base == 0:
        raise BadInput(f"{path}.base_filled", "an amount other than 0", raw.base_filled)
    if quote == 0 or (quote > 0) == (base > 0):
        raise BadInput(f"{path}.quote_filled", "an amount of the other sign than base_filled", raw.quote_filled)
    stamp = raw.timestamp if raw.timestamp is not None else tx.get("timestamp")
    product = _product(raw, tx, path)
    name = raw.symbol or (symbols.get(product) or f"Product_{product}" if product is not None else "")
    price = _WIDE.quantize(_WIDE.divide(abs(quote), abs(base)), _TICK)
    try:
        return Fill(
            id=f"{number}/{raw.digest}",
            order_id=raw.digest,
            symbol=name,
            side="buy" if base > 0 else "sell",
            quantity=_WIDE.normalize(abs(base)),
            price=_WIDE.normalize(price),
            fee=_WIDE.normalize(_amount(raw.fee, f"{path}.fee")),
            fee_asset=QUOTE,
            time=_integer(stamp, f"{path}.timestamp") * 1000,
            venue=VENUE,
            account="isolated" if raw.isolated else "",
            spot=product is not None and product % 2 == 1,
        )
    except ValueError as error:
        raise BadInput(path, "a match", f"<{error}>") from None


def _product(raw: Match, tx: Mapping[str, Any], path: str) -> int | None:
    """The product's id: the row's own, its balances', or the transaction's. Perpetuals are even."""
    if raw.product_id is not None:
        return raw.product_id
    sources: list[Any] = [tx.get("tx", {}).get(MATCH) if isinstance(tx.get("tx"), dict) else None]
    for balances in (raw.pre_balance, raw.post_balance):
        inner = balances.get("base", balances) if isinstance(balances, dict) else None
        if isinstance(inner, dict):
            sources += [inner.get("perp"), inner.get("spot")]
    for source in sources:
        if isinstance(source, dict) and source.get("product_id") is not None:
            return _integer(source["product_id"], f"{path}.product_id")
    if raw.symbol:
        return None
    raise BadInput(f"{path}.product_id", "to be there", "<missing>")


def names(body: Any) -> dict[int, str]:
    """Symbols by product id, of an answer of `symbols`: a list of {product_id, symbol}, or an object of them.
    Raises BadInput.
    """
    while isinstance(body, dict) and isinstance(body.get("data", body.get("symbols")), dict | list):
        body = body.get("data", body.get("symbols"))
    rows = list(body.values()) if isinstance(body, dict) else body
    if not isinstance(rows, list) or not rows:
        raise BadInput("meta", "products with their symbols", f"<a JSON {type(body).__name__}>")
    found = {}
    for index, row in enumerate(rows):
        if not isinstance(row, dict) or not isinstance(row.get("symbol"), str):
            raise BadInput(f"meta[{index}]", "a product_id and a symbol", row)
        found[_integer(row.get("product_id"), f"meta[{index}].product_id")] = row["symbol"]
    return found


__all__ = ["VENUE", "Match", "names", "read"]
