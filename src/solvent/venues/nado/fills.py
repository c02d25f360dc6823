"""Nado's matches (the indexer's `matches`, or `events` that carry them) as facts.

Source: the venue's public documentation of the indexer and its examples. Amounts are x18; quote_filled is net of
the fee, so the price is (quote_filled + fee) / base_filled.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from solvent.core.errors import BadInput
from solvent.core.facts import Fill
from solvent.venues import envelope, fill_lists
from solvent.venues.fill_lists import FillList
from solvent.venues.nado import x18

VENUE: Final = "nado"
QUOTE: Final = "USDT0"
MATCH: Final = "match_orders"
ACCOUNTS: Final = ("", "isolated")

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


def read(
    body: Any, path: str, symbols: Mapping[int, str] | None = None, accounts: tuple[str, str] = ACCOUNTS
) -> FillList:
    """The matches of a body, in the order of their submissions. `accounts` names the cross and the isolated one.

    Raises BadInput naming the field.
    """
    made: list[list[tuple[int, Fill]]] = []
    for page, rows in fill_lists.pages(body, ("data", "matches", "events"), path):
        txs = _transactions(page.get("txs"), f"{path}.txs")
        listed = [(row, where) for row, where in rows if row.get("event_type", MATCH) == MATCH]
        found: list[tuple[int, Fill]] = []
        for row, where in reversed(listed):  # the venue lists newest first
            raw = envelope.decode(row, Match, where)
            number = _integer(raw.submission_idx, f"{where}.submission_idx")
            found.append((number, _fact(raw, where, txs.get(number, {}), number, symbols or {}, accounts)))
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


def _fact(
    raw: Match,
    path: str,
    tx: Mapping[str, Any],
    number: int,
    symbols: Mapping[int, str],
    accounts: tuple[str, str],
) -> Fill:
    base = _integer(raw.base_filled, f"{path}.base_filled")
    fee = _integer(raw.fee, f"{path}.fee")
    quote = _integer(raw.quote_filled, f"{path}.quote_filled") + fee
    if base == 0:
        raise BadInput(f"{path}.base_filled", "an amount other than 0", raw.base_filled)
    if quote == 0 or (quote > 0) == (base > 0):
        raise BadInput(f"{path}.quote_filled", "an amount of the other sign than base_filled", raw.quote_filled)
    stamp = raw.timestamp if raw.timestamp is not None else tx.get("timestamp")
    product = _product(raw, tx, path)
    name = raw.symbol or (symbols.get(product) or f"Product_{product}" if product is not None else "")
    try:
        return Fill(
            id=f"{number}/{raw.digest}",
            order_id=raw.digest,
            symbol=name,
            side="buy" if base > 0 else "sell",
            quantity=x18.of(abs(base)),
            price=x18.price_of(base, quote),
            fee=x18.of(fee),
            fee_asset=QUOTE,
            time=_integer(stamp, f"{path}.timestamp") * 1000,
            venue=VENUE,
            account=accounts[raw.isolated],
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
