"""Answers of the archive: `POST /` with one query by name. Bare data, newest first."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from solvent.paper.nado import bodies
from solvent.paper.nado.clearing import Clearing
from solvent.paper.nado.fields import Fields
from solvent.paper.nado.health import MAINTENANCE, Balance
from solvent.paper.nado.history import Candle, Event, Match
from solvent.paper.nado.sessions import GRANULARITIES
from solvent.paper.nado.words import Refused
from solvent.paper.orders import Order
from solvent.paper.units import ONE

LIMIT: Final = 100
MOST: Final = 500
PAYMENTS_MOST: Final = 100


class Indexer:
    """`answer` gives the data of one query. Raises Refused."""

    def __init__(self, clearing: Clearing, wall_ms: Callable[[], int]) -> None:
        self._clearing, self._wall_ms = clearing, wall_ms
        self._by_name: Mapping[str, Callable[[Fields], Any]] = {
            "account_snapshots": self._snapshots,
            "events": self._events,
            "matches": self._matches,
            "orders": self._orders,
            "candlesticks": self._candlesticks,
            "edge_candlesticks": self._candlesticks,
            "products": self._products,
            "product_snapshots": self._product_snapshots,
            "funding_rate": lambda f: self._rate(f.whole("product_id", 32)),
            "funding_rates": lambda f: {str(n): self._rate(n) for n in f.wholes("product_ids")},
            "price": lambda f: self._perp_price(f.whole("product_id", 32)),
            "perp_prices": lambda f: {str(n): self._perp_price(n) for n in f.wholes("product_ids")},
            "oracle_price": self._oracle_prices,
            "quote_price": lambda _: {"price_x18": str(self._quote_price())},
            "interest_and_funding": self._payments,
            "subaccounts": self._subaccounts,
            "isolated_subaccounts": self._isolated_subaccounts,
            "linked_signers": self._linked_signers,
            "linked_signer_rate_limit": self._signer_limit,
            "liquidation_feed": lambda _: self._liquidation_feed(),
            "backlog": lambda _: self._backlog(),
        }

    def answer(self, name: str, fields: Fields) -> Any:
        if name not in self._by_name:
            raise Refused(4001)
        return self._by_name[name](fields)

    @property
    def _now_s(self) -> str:
        return str(self._clearing.exchange.now // 1000)

    # --- accounts

    def _snapshots(self, fields: Fields) -> dict[str, Any]:
        subs, times = fields.bytes_list("subaccounts"), fields.wholes("timestamps", 64)
        isolated, active = fields.flag("isolated"), fields.flag("active")
        made: dict[str, dict[str, list[Any]]] = {}
        for name in subs:
            made[name] = {}
            for at in times:
                rows = self._clearing.history.latest(name, at * 1000 + 999).values()
                made[name][str(at)] = [
                    self._event_row(e)
                    for e in sorted(rows, key=lambda e: (e.product_id, e.isolated))
                    if (isolated is None or bool(e.isolated) == isolated)
                    and (not active or e.after.amount or e.after.v_quote)
                ]
        return {"snapshots": made}

    def _event_row(self, event: Event) -> dict[str, Any]:
        product = self._clearing.products.row(event.product_id, {})
        kind = "perp" if self._clearing.products.by_number[event.product_id].perp else "spot"
        tracked = event.tracked
        return {
            "subaccount": event.sub,
            "product_id": event.product_id,
            "submission_idx": str(event.index),
            "timestamp": str(event.time // 1000),
            "event_type": event.kind,
            "isolated": bool(event.isolated),
            "isolated_product_id": event.isolated or None,
            "product": {kind: product},
            "pre_balance": {kind: self._balance(event.before, event.funding_mark)},
            "post_balance": {kind: self._balance(event.after, event.funding_mark)},
            "net_interest_unrealized": "0",
            "net_interest_cumulative": "0",
            "net_funding_unrealized": str(tracked.funding),
            "net_funding_cumulative": str(tracked.funding_cumulative),
            "net_entry_unrealized": str(tracked.entry),
            "net_entry_cumulative": str(tracked.entry_cumulative),
            "quote_volume_cumulative": str(tracked.volume),
        }

    def _balance(self, balance: Balance, mark: int) -> dict[str, Any]:
        perp = self._clearing.products.by_number[balance.product_id].perp
        return bodies.perp_balance(balance, mark) if perp else bodies.spot_balance(balance)

    def _chosen(self, rows: Any, fields: Fields) -> Iterator[Any]:
        """Newest first: those of the subaccounts, products, margin mode and time that were asked for."""
        subs = fields.bytes_list("subaccounts") if fields.has("subaccounts") else None
        ids = fields.wholes("product_ids") if fields.has("product_ids") else None
        index, until = fields.whole_or("idx", 1 << 62), fields.whole_or("max_time", 1 << 50)
        if fields.has("submission_idx"):
            index = fields.whole("submission_idx", 64)
        if fields.has("idx") or fields.has("submission_idx"):
            until = 1 << 50
        isolated = fields.flag("isolated")
        for row in reversed(rows):
            if (
                row.index <= index
                and row.time // 1000 <= until
                and (subs is None or row.owner in subs or row.sub in subs)
                and (not ids or row.product_id in ids)
                and (isolated is None or bool(row.isolated) == isolated)
            ):
                yield row

    def _events(self, fields: Fields) -> dict[str, Any]:
        kinds = fields.items("event_types") if fields.has("event_types") else None
        limit = fields.inner("limit") if fields.has("limit") else Fields({})
        by_tx = limit.has("txs")
        most = min(limit.whole("txs", 32) if by_tx else limit.whole_or("raw", LIMIT), MOST)
        chosen: list[Event] = []
        seen: dict[int, None] = {}
        for event in self._chosen(self._clearing.history.events, fields):
            if kinds and event.kind not in kinds:
                continue
            if (by_tx and event.index not in seen and len(seen) == most) or (not by_tx and len(chosen) == most):
                break
            seen[event.index] = None
            chosen.append(event)
        return {"events": [self._event_row(e) for e in chosen], "txs": self._txs(list(seen))}

    def _txs(self, indexes: list[int]) -> list[dict[str, Any]]:
        kept = self._clearing.history.txs
        return [kept[i] for i in dict.fromkeys(indexes) if i in kept]

    def _limit(self, fields: Fields, most: int = MOST) -> int:
        return min(fields.whole_or("limit", LIMIT), most)

    def _matches(self, fields: Fields) -> dict[str, Any]:
        limit = self._limit(fields)
        chosen: list[Match] = []
        for match in self._chosen(self._clearing.history.matches, fields):
            if len(chosen) == limit:
                break
            chosen.append(match)
        return {"matches": [self._match_row(m) for m in chosen], "txs": self._txs([m.index for m in chosen])}

    def _match_row(self, match: Match) -> dict[str, Any]:
        mark = self._clearing.products.cumulative.get(match.product_id, 0)
        base, quote, fee = match.cumulative
        return {
            "digest": match.digest,
            "order": match.order,
            "base_filled": str(match.base),
            "quote_filled": str(match.quote),
            "fee": str(match.fee),
            "sequencer_fee": "0",
            "builder_fee": "0",
            "cumulative_fee": str(fee),
            "cumulative_base_filled": str(base),
            "cumulative_quote_filled": str(quote),
            "submission_idx": str(match.index),
            "timestamp": str(match.time // 1000),
            "isolated": match.isolated,
            "is_taker": match.taker,
            "pre_balance": {"base": {"perp": bodies.perp_balance(match.before, mark)}, "quote": None},
            "post_balance": {"base": {"perp": bodies.perp_balance(match.after, mark)}, "quote": None},
        }

    def _orders(self, fields: Fields) -> dict[str, Any]:
        """Orders with fills, by subaccount or digest; newest first."""
        digests = fields.bytes_list("digests") if fields.has("digests") else None
        if digests is not None and (fields.has("subaccounts") or fields.has("product_ids")):
            raise Refused(3000)
        if digests is None and not fields.has("subaccounts"):
            raise Refused(3002)
        subs = fields.bytes_list("subaccounts") if fields.has("subaccounts") else None
        ids = fields.wholes("product_ids") if fields.has("product_ids") else None
        index, until = fields.whole_or("idx", 1 << 62), fields.whole_or("max_time", 1 << 50)
        if fields.has("submission_idx"):
            index = fields.whole("submission_idx", 64)
        isolated, kinds = fields.flag("isolated"), fields.raw("trigger_types")
        rows: list[dict[str, Any]] = []
        for order, is_isolated in self._filled_orders():
            number = self._clearing.exchange.listings[order.symbol].number
            extra = order.extra
            if (
                (digests is None or extra["digest"] in digests)
                and (subs is None or extra["sender"] in subs)
                and (not ids or number in ids)
                and extra["first"] <= index
                and order.created // 1000 <= until
                and (isolated is None or is_isolated == isolated)
                and (not isinstance(kinds, list) or _trigger_type(extra["appendix"]) in kinds)
            ):
                rows.append(_order_row(order, number, isolated=is_isolated))
        rows.sort(key=lambda r: int(r["submission_idx"]), reverse=True)
        return {"orders": rows[: self._limit(fields)]}

    def _filled_orders(self) -> Iterator[tuple[Order, bool]]:
        for sub in self._clearing.subs.values():
            for order in [*sub.account.history, *sub.account.orders.values()]:
                if order.filled and "first" in order.extra:
                    yield order, sub.isolated

    def _payments(self, fields: Fields) -> dict[str, Any]:
        name, ids = fields.bytes_of("subaccount", 32), fields.wholes("product_ids")
        most = fields.whole_or("max_idx", 1 << 62)
        limit = min(fields.whole("limit", 32), PAYMENTS_MOST)
        listings = self._clearing.exchange.listings
        subs = [s for s in self._clearing.subs.values() if name in (s.name, s.parent)]
        paid = sorted(
            (p for s in subs for p in s.account.funding if listings[p.symbol].number in ids and p.number <= most),
            key=lambda p: -p.number,
        )
        rows = [
            {
                "product_id": listings[p.symbol].number,
                "idx": str(p.number),
                "timestamp": str(p.time // 1000),
                "amount": str(p.amount),
                "balance_amount": str(p.size),
                "rate_x18": str(p.rate),
                "oracle_price_x18": str(p.price),
            }
            for p in paid[:limit]
        ]
        following = str(paid[limit].number) if len(paid) > limit else ""
        return {"interest_payments": [], "funding_payments": rows, "next_idx": following}

    def _subaccounts(self, fields: Fields) -> dict[str, Any]:
        address = fields.bytes_of("address", 20) if fields.has("address") else None
        start, limit = fields.whole_or("start", 0), self._limit(fields)
        rows = []
        for index, sub in enumerate(self._clearing.subs.values()):
            if index < start or (address is not None and sub.address != address) or not sub.exists:
                continue
            rows.append(
                {
                    "id": str(index),
                    "subaccount": sub.name,
                    "address": sub.address,
                    "subaccount_name": bytes.fromhex(sub.name[42:]).rstrip(b"\0").decode("utf-8", "replace"),
                    "created_at": str(sub.created // 1000),
                    "isolated": sub.isolated,
                }
            )
        return {"subaccounts": rows[:limit]}

    def _isolated_subaccounts(self, fields: Fields) -> dict[str, Any]:
        name = fields.bytes_of("subaccount", 32)
        rows = [
            {
                "subaccount": name,
                "isolated_subaccount": sub.name,
                "product_id": sub.product_id,
                "created_at": str(sub.created // 1000),
            }
            for sub in self._clearing.subs.values()
            if sub.parent == name
        ]
        return {"isolated_subaccounts": rows[: self._limit(fields)]}

    def _linked_signers(self, fields: Fields) -> dict[str, Any]:
        sub = self._clearing.subs.get(fields.bytes_of("subaccount", 32))
        signer = sub.signer if sub else "0x" + "00" * 20
        return {"linked_signers": [{"subaccount": sub.name, "signer": signer}] if sub and int(signer, 16) else []}

    def _signer_limit(self, fields: Fields) -> dict[str, Any]:
        sub = self._clearing.subs.get(fields.bytes_of("subaccount", 32))
        used = sum(at > self._wall_ms() - 7 * 86_400_000 for at in sub.signer_links) if sub else 0
        signer = sub.signer if sub else "0x" + "00" * 20
        return {"remaining_tx": str(50 - used), "total_tx_limit": "50", "wait_time": 0, "signer": signer}

    def _liquidation_feed(self) -> list[dict[str, Any]]:
        clearing = self._clearing
        return [
            {"subaccount": s.name, "update_time": clearing.exchange.now // 1000}
            for s in clearing.subs.values()
            if s.exists and clearing.health(s).at(MAINTENANCE) < 0
        ]

    # --- markets

    def _listed(self, number: int) -> str:
        if not self._clearing.products.listed(number):
            raise Refused(2016)
        return self._clearing.products.by_number[number].symbol

    def _rate(self, number: int) -> dict[str, Any]:
        rate = self._clearing.exchange.rates[self._listed(number)] * 24
        return {"product_id": number, "funding_rate_x18": str(rate), "update_time": self._now_s}

    def _perp_price(self, number: int) -> dict[str, Any]:
        book = self._clearing.exchange.books[self._listed(number)]
        mark = (book.best(1) + book.best(-1)) // 2
        return {
            "product_id": number,
            "index_price_x18": str(self._clearing.products.price(number)),
            "mark_price_x18": str(mark),
            "update_time": self._now_s,
        }

    def _oracle_prices(self, fields: Fields) -> dict[str, Any]:
        rows = []
        for number in fields.wholes("product_ids"):
            if number not in self._clearing.products.by_number:
                raise Refused(2016)
            price = str(self._clearing.products.price(number))
            rows.append({"product_id": number, "oracle_price_x18": price, "update_time": self._now_s})
        return {"prices": rows}

    def _quote_price(self) -> int:
        step = self._clearing.exchange.step
        return step.quote if step else ONE

    def _candlesticks(self, fields: Fields) -> dict[str, Any]:
        number, wide = fields.whole("product_id", 32), fields.whole("granularity", 32)
        self._listed(number)
        if wide not in GRANULARITIES:
            raise Refused(3003)
        until = fields.whole_or("max_time", 1 << 50) * 1000
        rows = self._clearing.history.grouped(number, wide, until, self._limit(fields))
        return {"candlesticks": [_candle_row(c, number, wide) for c in rows]}

    def _products(self, fields: Fields) -> dict[str, Any]:
        return {"products": [self._product_row(fields.whole("product_id", 32))], "txs": []}

    def _product_snapshots(self, fields: Fields) -> dict[str, Any]:
        rows = {str(n): self._product_row(n) for n in fields.wholes("product_ids")}
        if fields.has("max_time") and isinstance(fields.raw("max_time"), list):
            return {str(at): rows for at in fields.wholes("max_time", 64)}
        return {self._now_s: rows}

    def _product_row(self, number: int) -> dict[str, Any]:
        products = self._clearing.products
        if number not in products.by_number:
            raise Refused(2016)
        kind = "perp" if products.by_number[number].perp else "spot"
        row = products.row(number, self._clearing.totals())
        index = str(self._clearing.history.events[-1].index) if self._clearing.history.events else "0"
        return {"product_id": number, "submission_idx": index, "product": {kind: row}}

    def _backlog(self) -> dict[str, Any]:
        count = str(len(self._clearing.history.txs))
        return {"total_txs": count, "total_submissions": count, "backlog_size": "0", "updated_at": self._now_s}


def _trigger_type(appendix: int) -> str:
    return ("none", "price_trigger", "time_trigger", "time_trigger")[appendix >> 12 & 3]


def _order_row(order: Order, number: int, *, isolated: bool) -> dict[str, Any]:
    extra = order.extra
    return {
        "digest": extra["digest"],
        "subaccount": extra["sender"],
        "product_id": number,
        "submission_idx": str(extra["first"]),
        "last_fill_submission_idx": str(extra["last"]),
        "timestamp": str(order.updated // 1000),
        "amount": str(extra["amount"]),
        "price_x18": str(order.price),
        "base_filled": str(order.sign * order.filled),
        "quote_filled": str(-order.sign * order.filled_cost - extra["fee"]),
        "fee": str(extra["fee"]),
        "builder_fee": "0",
        "expiration": str(extra["expiration"]),
        "appendix": str(extra["appendix"]),
        "nonce": str(extra["nonce"]),
        "isolated": isolated,
    }


def _candle_row(candle: Candle, number: int, wide: int) -> dict[str, Any]:
    return {
        "product_id": number,
        "granularity": wide,
        "submission_idx": str(candle.index),
        "timestamp": str(candle.start // 1000),
        "open_x18": str(candle.open),
        "high_x18": str(candle.high),
        "low_x18": str(candle.low),
        "close_x18": str(candle.close),
        "volume": str(candle.volume),
    }
