"""Hyperliquid's fills: from the wire to facts, in their order, with the venue's own `dir` and `closedPnl`.

Sources: the venue's info endpoint `userFills`; rules HL-DIR, HL-CLOSED and HL-ORDER in docs/spec/positions.md.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from hashlib import blake2b
from itertools import groupby
from typing import Any, Final, Literal, NamedTuple

import msgspec

from solvent.core.errors import BadInput
from solvent.core.facts import Fill, FillKind, OrderSide
from solvent.core.numbers import Number, parse_decimal
from solvent.venues import envelope
from solvent.venues.depth import shallow
from solvent.venues.hyperliquid.wire import Wire

VENUE: Final = "hyperliquid"
PRICE_PLACES: Final = 6
"""A perpetual's price has at most 6 - szDecimals decimals."""

_KINDS: Final[Mapping[str, FillKind]] = {
    "Auto-Deleveraging": FillKind.ADL,
    "Settlement": FillKind.SETTLEMENT,
    "Net Child Vaults": FillKind.SETTLEMENT,
    "Spot Dust Conversion": FillKind.DUST,
}
"""Words for what no order did: the venue's word is the cause, not something that sizes could tell."""
_EXACT: Final = Context(prec=400)
_SPOT_WORDS: Final = frozenset({"Buy", "Sell", "Spot Dust Conversion"})


class UserFill(Wire, frozen=True):
    """One row of `userFills`. Bodies of 2023 have no tid and no feeToken."""

    coin: str
    px: Number
    sz: Number
    side: Literal["A", "B"]
    time: int
    start_position: Number | None = None
    dir: str = ""
    closed_pnl: Number | None = None
    hash: str = ""
    oid: int | None = None
    fee: Number = "0"
    fee_token: str = ""
    tid: int | None = None
    liquidation: Any = None


class Placement(NamedTuple):
    """What is needed of a row to find its place in time."""

    time: int
    coin: str
    start: Decimal | None
    signed: Decimal


@dataclass(frozen=True, slots=True)
class VenueFill:
    """A fill as a fact, and what the venue said it did; None where it did not say."""

    fill: Fill
    dir: str | None = None
    closed_pnl: Decimal | None = None


def is_spot(coin: str) -> bool:
    """Spot pairs are "@107" or "PURR/USDC"."""
    return coin.startswith("@") or "/" in coin


def placement(row: Mapping[str, Any], path: str) -> Placement:
    """Where a raw row stands. Raises BadInput naming the field."""
    time, side = row.get("time"), row.get("side")
    if isinstance(time, bool) or not isinstance(time, int):
        raise BadInput(f"{path}.time", "milliseconds as an integer", time)
    if side not in ("A", "B"):
        raise BadInput(f"{path}.side", "A or B", side)
    start = row.get("startPosition")
    size = parse_decimal(row.get("sz"), f"{path}.sz")
    return Placement(
        time,
        str(row.get("coin")),
        None if start is None else parse_decimal(start, f"{path}.startPosition"),
        size if side == "B" else -size,
    )


def chronological(rows: Iterable[Placement]) -> Sequence[int]:
    """The indices of the rows, oldest first (HL-ORDER).

    The venue lists newest first, strictly: also within one millisecond. A list that runs the other way is
    known by its times, and its milliseconds by which way the start positions continue.
    """
    times: list[int] = []
    rising = falling = forward = backward = 0
    last: Placement | None = None
    for row in rows:
        times.append(row.time)
        if last is not None:
            rising += row.time > last.time
            falling += row.time < last.time
            if (
                row.time == last.time
                and row.coin == last.coin
                and row.start is not None
                and last.start is not None
            ):
                forward += row.start == last.start + last.signed
                backward += last.start == row.start + row.signed
        last = row
    count = len(times)
    oldest_first = rising > falling or (rising == falling == 0 and forward > backward)
    as_listed = forward > backward or (forward == backward and oldest_first)
    if not falling and as_listed:
        return range(count)
    if not rising and not as_listed:
        return range(count - 1, -1, -1)
    order = sorted(range(count), key=times.__getitem__)
    if as_listed:
        return order
    return [i for _, group in groupby(order, key=times.__getitem__) for i in reversed(list(group))]


def decode(raw: bytes | Mapping[str, Any], path: str) -> UserFill:
    """One row in its wire shape. Raises BadInput naming the field."""
    if isinstance(raw, bytes):
        try:
            return _DECODER.decode(shallow(raw))
        except msgspec.ValidationError:
            return envelope.decode(envelope.read_json(raw), UserFill, path)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadInput(path, "JSON", f"<{str(error)[:80]}>") from None
    return envelope.decode(raw, UserFill, path)


_DECODER = msgspec.json.Decoder(UserFill)


def facts(rows: Iterable[tuple[UserFill, str]], account: str = "") -> Iterator[VenueFill]:
    """Fills of rows that stand oldest first, each with where it came from. Raises BadInput."""
    for _, group in groupby(rows, key=lambda row: row[0].time):
        together = list(group)
        for (raw, path), name in zip(together, _names([raw for raw, _ in together]), strict=True):
            yield fact(raw, name, path, account)


def fact(raw: UserFill, name: str, path: str, account: str = "") -> VenueFill:
    """One row as a fact. Raises BadInput naming the field."""
    try:
        fill = Fill(
            id=name,
            order_id="" if raw.oid is None else str(raw.oid),
            symbol=raw.coin,
            side=OrderSide.BUY if raw.side == "B" else OrderSide.SELL,
            quantity=raw.sz,
            price=raw.px,
            fee=raw.fee,
            fee_asset=raw.fee_token,
            time=raw.time,
            venue=VENUE,
            account=account,
            start_position=raw.start_position,
            kind=_kind(raw),
            spot=is_spot(raw.coin) or raw.dir in _SPOT_WORDS,
        )
    except ValueError as error:
        raise BadInput(path, "a fill", f"<{error}>") from None
    stated = None if raw.closed_pnl is None else parse_decimal(raw.closed_pnl, f"{path}.closedPnl")
    return VenueFill(fill, raw.dir or None, stated)


def _kind(raw: UserFill) -> FillKind:
    if raw.dir.startswith("Liquidated") or (raw.liquidation is not None and raw.dir.startswith("Close")):
        return FillKind.LIQUIDATION
    return _KINDS.get(raw.dir, FillKind.TRADE)


def _names(rows: list[UserFill]) -> list[str]:
    """Ids of the rows of one millisecond.

    The trade id, where there is one (both sides of a self-trade share it: the seller's gets a suffix);
    else a digest of what the row says, numbered where rows say the same.
    """
    if len(rows) == 1 and rows[0].tid:
        return [str(rows[0].tid)]
    bought = {row.tid for row in rows if row.side == "B"}
    counts: dict[str, int] = {}
    names = []
    for row in rows:
        if row.tid:
            names.append(f"{row.tid}/A" if row.side == "A" and row.tid in bought else str(row.tid))
            continue
        said = f"{row.hash}|{row.oid}|{row.time}|{row.coin}|{row.side}|{row.px}|{row.sz}|{row.start_position}"
        name = "h" + blake2b(said.encode(), digest_size=12).hexdigest()
        counts[name] = counts.get(name, 0) + 1
        names.append(name if counts[name] == 1 else f"{name}/{counts[name]}")
    return names


def direction(start: Decimal, signed: Decimal, *, spot: bool = False, word: str | None = None) -> str:
    """What the venue calls a fill (HL-DIR). `word` is its own: kept where it names a cause, not a direction."""
    if word is not None and (word in _KINDS or word.startswith("Liquidated")):
        return word
    if spot:
        return "Buy" if signed > 0 else "Sell"
    if start == 0 or (start > 0) == (signed > 0):
        return "Open Long" if signed > 0 else "Open Short"
    if abs(signed) > abs(start):
        return "Long > Short" if start > 0 else "Short > Long"
    return "Close Long" if start > 0 else "Close Short"


def closed_quantity(start: Decimal, signed: Decimal) -> Decimal:
    """How much of `start` a fill takes off, unsigned."""
    return Decimal(0) if start == 0 or (start > 0) == (signed > 0) else min(abs(start), abs(signed))


def closed_pnl(start: Decimal, signed: Decimal, price: Decimal, entry: Decimal | None) -> Decimal | None:
    """The venue's `closedPnl` (HL-CLOSED): gross of the fee, `entry` cut to 6 - szDecimals decimals."""
    closed = closed_quantity(start, signed)
    if not closed:
        return Decimal(0)
    if entry is None:
        return None
    gain = _EXACT.subtract(price, entry) if start > 0 else _EXACT.subtract(entry, price)
    return _EXACT.multiply(closed, gain)


class StatedEntries:
    """The cut entry of positions that were opened before the first fill we have.

    The venue's `closedPnl` of one closing fill tells it; it holds until the position is added to or ends.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Decimal] = {}

    def of(self, coin: str) -> Decimal | None:
        return self._entries.get(coin)

    def forget(self, coin: str) -> None:
        """After a gap nothing that was learnt holds."""
        self._entries.pop(coin, None)

    def learn(self, stated: VenueFill, start: Decimal, signed: Decimal, places: int) -> None:
        """Take what one fill tells. The entry is only believed where it ends within `places` decimals."""
        coin, closed = stated.fill.symbol, closed_quantity(start, signed)
        if not closed or closed == abs(start) or abs(signed) > abs(start):
            self._entries.pop(coin, None)
            return
        if coin in self._entries or stated.closed_pnl is None:
            return
        per_unit = stated.closed_pnl / closed
        entry = stated.fill.price - per_unit if start > 0 else stated.fill.price + per_unit
        cut = round(entry, places)
        if cut > 0 and closed_pnl(start, signed, stated.fill.price, cut) == stated.closed_pnl:
            self._entries[coin] = cut


def size_decimals(body: Any) -> dict[str, int]:
    """szDecimals by coin, of a `meta` body, a `metaAndAssetCtxs` pair, a list of metas or a bundle of them.

    Raises BadInput.
    """
    found: dict[str, int] = {}
    for path, meta in _metas(body, "meta"):
        for index, asset in enumerate(meta["universe"]):
            where = f"{path}.universe[{index}]"
            name, decimals = (
                (asset.get("name"), asset.get("szDecimals")) if isinstance(asset, dict) else (None, None)
            )
            if not isinstance(name, str) or isinstance(decimals, bool) or not isinstance(decimals, int):
                raise BadInput(where, "a name and szDecimals", asset)
            if not 0 <= decimals <= PRICE_PLACES:
                raise BadInput(f"{where}.szDecimals", "a whole number from 0 to 6", decimals)
            found[name] = decimals
    if not found:
        raise BadInput("meta", "a body with a universe", f"<a JSON {type(body).__name__}>")
    return found


def _metas(body: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(body, list):
        for index, item in enumerate(body):
            yield from _metas(item, f"{path}[{index}]")
    elif isinstance(body, dict):
        if isinstance(body.get("universe"), list):
            yield path, body
        else:
            for name in ("meta", "metaAndAssetCtxs", "allPerpMetas", "response", "body"):
                if name in body:
                    yield from _metas(body[name], f"{path}.{name}")


__all__ = [
    "PRICE_PLACES",
    "VENUE",
    "Placement",
    "StatedEntries",
    "UserFill",
    "VenueFill",
    "chronological",
    "closed_pnl",
    "closed_quantity",
    "decode",
    "direction",
    "fact",
    "facts",
    "is_spot",
    "placement",
    "size_decimals",
]
