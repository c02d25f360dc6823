"""What Hyperliquid lists, by coin: asset number, terms, prices, funding, book."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from solvent.core.errors import BadInput
from solvent.core.numbers import Number
from solvent.venues import envelope
from solvent.venues.hyperliquid import wire
from solvent.venues.hyperliquid.numbers import amount, moment, word
from solvent.venues.stated import Book, BookLevel, FundingRate, InstrumentTerms, Price

PERP_PLACES: Final = 6
SPOT_PLACES: Final = 8
FIGURES: Final = 5
MIN_NOTIONAL: Final = Decimal(10)
DEX_ASSETS: Final = 100_000
ASSETS_PER_DEX: Final = 10_000
SPOT_ASSETS: Final = 10_000
HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Market:
    """One coin: the number that orders name it by, and what its orders must look like."""

    asset: int
    dex: str
    terms: InstrumentTerms
    table_id: int | None = None
    settle_token: int = 0


@dataclass(frozen=True, slots=True)
class Rates:
    """The account's own fees, as fractions of the notional."""

    taker: Decimal | None = None
    maker: Decimal | None = None
    spot_taker: Decimal | None = None
    spot_maker: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Universe:
    """All markets that a client knows. `tables` are the margin tables that the dexes' `meta` lists."""

    markets: Mapping[str, Market] = field(default_factory=dict)
    tables: frozenset[int] = frozenset()

    def market(self, coin: str) -> Market:
        """Raises BadInput where the venue does not list it."""
        found = self.markets.get(coin)
        if found is None:
            raise BadInput("instrument", "a coin that the venue lists (BTC; a dex's as dex:COIN)", coin)
        return found

    def with_rates(self, rates: Rates) -> dict[str, InstrumentTerms]:
        return {
            coin: replace(
                m.terms,
                taker_fee=rates.spot_taker if m.terms.spot else rates.taker,
                maker_fee=rates.spot_maker if m.terms.spot else rates.maker,
            )
            for coin, m in self.markets.items()
        }


def perp_markets(body: Any, dex: str, number: int) -> tuple[dict[str, Market], frozenset[int]]:
    """Coins of a `meta` body and its margin tables. `number` is the dex's place in `perpDexs`. Raises BadInput."""
    meta = envelope.decode(body, wire.Meta, "meta")
    first = 0 if number == 0 else DEX_ASSETS + number * ASSETS_PER_DEX
    token = meta.collateral_token or 0
    found = {}
    for index, asset in enumerate(meta.universe):
        path = f"meta.universe[{index}]"
        coin = word(asset.name, f"{path}.name")
        if not 0 <= asset.sz_decimals <= PERP_PLACES:
            raise BadInput(f"{path}.szDecimals", "a whole number from 0 to 6", asset.sz_decimals)
        if not 1 <= asset.max_leverage <= 1000:
            raise BadInput(f"{path}.maxLeverage", "a whole number from 1 to 1000", asset.max_leverage)
        if coin in found:
            raise BadInput(f"{path}.name", "each coin once", coin)
        terms = InstrumentTerms(
            instrument=coin,
            venue_id=first + index,
            size_step=Decimal(1).scaleb(-asset.sz_decimals),
            max_significant=FIGURES,
            max_decimals=PERP_PLACES - asset.sz_decimals,
            min_size=Decimal(1).scaleb(-asset.sz_decimals),
            min_notional=MIN_NOTIONAL,
            settle="USDC" if token == 0 else f"token:{token}",
            max_leverage=Decimal(asset.max_leverage),
            leverage_step=Decimal(1),
            funding_interval_hours=Decimal(1),
            isolated_only=asset.only_isolated or asset.margin_mode in ("strictIsolated", "noCross"),
        )
        found[coin] = Market(first + index, dex, terms, asset.margin_table_id, token)
    return found, frozenset(table_id for table_id, _ in meta.margin_tables)


def spot_markets(body: Any) -> dict[str, Market]:
    """Pairs of a `spotMeta` body, under the name that orders and fills carry: "PURR/USDC" or "@107"."""
    meta = envelope.decode(body, wire.SpotMeta, "spotMeta")
    tokens = {token.index: token for token in meta.tokens}
    found = {}
    for index, pair in enumerate(meta.universe):
        path = f"spotMeta.universe[{index}]"
        base, quote = (tokens.get(number) for number in pair.tokens)
        if base is None or quote is None:
            continue  # the venue's own list of tokens has gaps
        if not 0 <= base.sz_decimals <= SPOT_PLACES or not 0 <= pair.index < ASSETS_PER_DEX * 9:
            raise BadInput(path, "a pair of known precision", f"<{base.sz_decimals} decimals>")
        coin = word(pair.name, f"{path}.name")
        step = Decimal(1).scaleb(-base.sz_decimals)
        terms = InstrumentTerms(
            instrument=coin,
            venue_id=SPOT_ASSETS + pair.index,
            size_step=step,
            max_significant=FIGURES,
            max_decimals=SPOT_PLACES - base.sz_decimals,
            min_size=step,
            min_notional=MIN_NOTIONAL,
            settle=word(quote.name, f"{path}.quote"),
            spot=True,
        )
        found[coin] = Market(SPOT_ASSETS + pair.index, "", terms)
    return found


def dex_number(body: Any, dex: str) -> int:
    """The dex's place in a `perpDexs` body, whose first entry (null) is the venue's own. Raises BadInput."""
    if not isinstance(body, list):
        raise BadInput("perpDexs", "a list", f"<{type(body).__name__}>")
    for number, item in enumerate(body):
        if isinstance(item, dict) and item.get("name") == dex:
            return number
    raise BadInput("dexes", "dexes that the venue has", dex)


def rates_of(body: Any) -> Rates:
    """The fees of a `userFees` body."""
    fees = envelope.decode(body, wire.Fees, "userFees")

    def rate(value: Number | None, name: str) -> Decimal | None:
        return None if value is None else amount(value, f"userFees.{name}")

    return Rates(
        rate(fees.user_cross_rate, "userCrossRate"),
        rate(fees.user_add_rate, "userAddRate"),
        rate(fees.user_spot_cross_rate, "userSpotCrossRate"),
        rate(fees.user_spot_add_rate, "userSpotAddRate"),
    )


def contexts(body: Any) -> Iterator[tuple[str, wire.MarketContext, str]]:
    """Coin, context and where it stands, of a `metaAndAssetCtxs` body. Raises BadInput."""
    if not isinstance(body, list) or len(body) != 2 or not isinstance(body[1], list):
        raise BadInput("metaAndAssetCtxs", "a pair of meta and contexts", f"<{type(body).__name__}>")
    meta = envelope.decode(body[0], wire.Meta, "metaAndAssetCtxs[0]")
    for index, (asset, raw) in enumerate(zip(meta.universe, body[1], strict=False)):
        path = f"metaAndAssetCtxs[1][{index}]"
        yield word(asset.name, f"{path}.name"), envelope.decode(raw, wire.MarketContext, path), path


def prices_of(body: Any) -> dict[str, Price]:
    """Mark and oracle prices of a `metaAndAssetCtxs` body. A coin without a mark is absent."""
    found = {}
    for coin, context, path in contexts(body):
        if context.mark_px is not None:
            mark = amount(context.mark_px, f"{path}.markPx", least=0)
            oracle = context.oracle_px
            if mark:
                stated = None if oracle is None else amount(oracle, f"{path}.oraclePx", least=0)
                found[coin] = Price(instrument=coin, mark=mark, oracle=stated or None)
    return found


def funding_of(body: Any, now_ms: int) -> dict[str, FundingRate]:
    """The rate that each coin will pay at the next full hour, if nothing changes."""
    return {
        coin: FundingRate(
            instrument=coin,
            rate=amount(context.funding, f"{path}.funding"),
            interval_hours=Decimal(1),
            next_time=(now_ms // HOUR_MS + 1) * HOUR_MS,
            predicted=True,
        )
        for coin, context, path in contexts(body)
        if context.funding is not None
    }


def book_of(body: Any, coin: str, depth: int) -> Book:
    """An `l2Book` body. Raises BadInput."""
    book = envelope.decode(body, wire.L2Book, "l2Book")
    if book.coin != coin:
        raise BadInput("l2Book.coin", coin, book.coin)

    def levels(side: int) -> tuple[BookLevel, ...]:
        rows = enumerate(book.levels[side][:depth])
        return tuple(
            BookLevel(
                amount(row.px, f"l2Book.levels[{side}][{i}].px", above=0),
                amount(row.sz, f"l2Book.levels[{side}][{i}].sz", least=0),
            )
            for i, row in rows
        )

    return Book(instrument=coin, bids=levels(0), asks=levels(1), time=moment(book.time, "l2Book.time"))


def mids_of(body: Any) -> dict[str, Decimal]:
    """An `allMids` body."""
    if not isinstance(body, dict):
        raise BadInput("allMids", "an object", f"<{type(body).__name__}>")
    return {word(coin, "allMids"): amount(mid, f"allMids.{coin}"[:80], least=0) for coin, mid in body.items()}


__all__ = [
    "Market",
    "Rates",
    "Universe",
    "book_of",
    "contexts",
    "dex_number",
    "funding_of",
    "mids_of",
    "perp_markets",
    "prices_of",
    "rates_of",
    "spot_markets",
]
