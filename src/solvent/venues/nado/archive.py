"""What the archive tells of a subaccount: matches, liquidations, funding, money in and out; all pages of them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from solvent.core.errors import BadInput
from solvent.core.facts import Fill, FillKind, FundingPayment, Transfer
from solvent.venues import envelope
from solvent.venues.failures import Retryable
from solvent.venues.nado import fills, wire, x18
from solvent.venues.nado.markets import QUOTE
from solvent.venues.nado.refusals import VENUE
from solvent.venues.nado.subaccounts import is_subaccount

PAGE: Final = 100
FIRST_PAGE: Final = 20
"""What is asked for again and again is mostly known: a page costs by its length, full or not."""
MOST_PAGES: Final = 10_000
PAYMENTS_PAGE: Final = 100
LIQUIDATION: Final = "liquidate_subaccount"
MONEY: Final = (
    "deposit_collateral",
    "withdraw_collateral",
    "transfer_quote",
    "create_isolated_subaccount",
    "close_isolated_subaccount",
)

Ask = Callable[[str, Mapping[str, Any], int], Awaitable[Any]]
"""Query's name, parameters, weight -> the archive's answer."""


@dataclass(frozen=True, slots=True)
class Names:
    """How products and accounts are called. An isolated position counts as an account of its own."""

    symbols: Mapping[int, str]
    cross: str

    @property
    def isolated(self) -> str:
        return f"{self.cross}/isolated"

    def symbol(self, number: int) -> str:
        return self.symbols.get(number) or f"Product_{number}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a history: its place, its moment (milliseconds, whole seconds), its name, its body."""

    index: int
    time: int
    key: tuple[Any, ...]
    row: Mapping[str, Any]


async def history(
    ask: Ask,
    name: str,
    subaccount: str,
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
    page: int = PAGE,
    filters: Mapping[str, Any] | None = None,
) -> list[Entry]:
    """Rows of `matches` or `events`, oldest first, once each. The archive knows whole seconds only."""
    found: list[Entry] = []
    seen: set[tuple[Any, ...]] = set()
    bound: dict[str, Any] = {} if until_ms is None else {"max_time": max(until_ms, 0) // 1000}
    rows = page if since_ms is None else min(page, FIRST_PAGE)
    for _ in range(MOST_PAGES):
        limit: Any = rows if name == "matches" else {"raw": rows}
        params = {"subaccounts": [subaccount], **(filters or {}), "limit": limit, **bound}
        entries = read_page(await ask(name, params, 2 + rows // 10), name)
        fresh = [entry for entry in entries if entry.key not in seen]
        seen.update(entry.key for entry in fresh)
        found += fresh
        over = bool(entries) and since_ms is not None and entries[-1].time + 999 < since_ms
        if len(entries) < rows or over:
            break
        rows = page
        # Rows of one submission may lie on both sides of a page's end: it is asked for again, unless it fills one.
        last = entries[-1].index
        bound = {"idx": last if fresh and last != bound.get("idx") else last - 1}
    else:
        raise Retryable(VENUE, f"{name}: more than {MOST_PAGES} pages", code="too-long")
    low, high = since_ms or 0, until_ms if until_ms is not None else 1 << 62
    kept = [entry for entry in found if entry.time + 999 >= low and entry.time <= high]
    return sorted(kept, key=lambda entry: entry.index)


def read_page(body: object, name: str) -> list[Entry]:
    """The rows of one answer in its order, with the moments that stand with their submissions. Raises BadInput."""
    rows = body.get(name) if isinstance(body, Mapping) else None
    if not isinstance(rows, list):
        raise BadInput(name, "a list", f"<{type(rows).__name__}>")
    times = _times(body.get("txs") if isinstance(body, Mapping) else None)
    made = []
    for at, row in enumerate(rows):
        path = f"{name}[{at}]"
        if not isinstance(row, Mapping):
            raise BadInput(path, "an object", f"<a JSON {type(row).__name__}>")
        index = x18.whole(row.get("submission_idx"), f"{path}.submission_idx", least=0)
        stamp = row.get("timestamp")
        seconds = (
            times.get(index) if stamp is None else x18.whole(stamp, f"{path}.timestamp", least=0, most=10**11)
        )
        if seconds is None:
            raise BadInput(f"{path}.timestamp", "to be there or in txs", "<missing>")
        parts = (row.get("digest"), row.get("subaccount"), row.get("product_id"), row.get("event_type"))
        key = (index, *(str(part)[:100] for part in parts))
        made.append(Entry(index, seconds * 1000, key, row))
    return made


def _times(txs: object) -> dict[int, int]:
    found = {}
    for at, tx in enumerate(txs if isinstance(txs, list) else ()):
        if isinstance(tx, Mapping) and tx.get("timestamp") is not None:
            index = x18.whole(tx.get("submission_idx"), f"txs[{at}].submission_idx", least=0)
            found[index] = x18.whole(tx["timestamp"], f"txs[{at}].timestamp", least=0, most=10**11)
    return found


def fills_of(entries: Sequence[Entry], names: Names) -> list[tuple[int, Fill]]:
    """Matches as fills, each with its submission. Raises BadInput."""
    made = []
    for at, entry in enumerate(entries):
        body = [{**entry.row, "timestamp": entry.time // 1000}]
        (fill,) = fills.read(body, f"matches[{at}]", names.symbols, (names.cross, names.isolated)).facts
        if isinstance(fill, Fill):
            made.append((entry.index, fill))
    return made


def liquidations_of(entries: Sequence[Entry], names: Names) -> list[tuple[int, Fill]]:
    """Perpetual balances that a liquidation changed, as fills at the price that it implies. Raises BadInput.

    A liquidation is no match: only the balance before and after tells what was taken over.
    """
    made = []
    for at, entry in enumerate(entries):
        path = f"events[{at}]"
        raw = envelope.decode(entry.row, wire.BalanceEvent, path)
        if raw.event_type != LIQUIDATION or "perp" not in raw.post_balance or "perp" not in raw.pre_balance:
            continue
        before, after = (
            envelope.decode(balance["perp"], wire.PerpBalance, f"{path}.{side}").balance
            for side, balance in (("pre_balance", raw.pre_balance), ("post_balance", raw.post_balance))
        )
        base = x18.whole(after.amount, f"{path}.amount") - x18.whole(before.amount, f"{path}.amount")
        quote = x18.whole(after.v_quote_balance, f"{path}.v_quote_balance") - x18.whole(
            before.v_quote_balance, f"{path}.v_quote_balance"
        )
        if not base:
            continue
        if not quote or (quote > 0) == (base > 0):
            raise BadInput(f"{path}.post_balance", "quote to move against the amount", after.v_quote_balance)
        made.append((entry.index, _liquidation(entry, raw, base, quote, names, path)))
    return made


def _liquidation(entry: Entry, raw: wire.BalanceEvent, base: int, quote: int, names: Names, path: str) -> Fill:
    try:
        return Fill(
            id=f"{entry.index}/liquidation/{raw.product_id}{'/isolated' if raw.isolated else ''}",
            symbol=names.symbol(raw.product_id),
            side="buy" if base > 0 else "sell",
            quantity=x18.of(abs(base)),
            price=x18.price_of(base, quote),
            fee_asset=QUOTE,
            time=entry.time,
            venue=VENUE,
            account=names.isolated if raw.isolated else names.cross,
            kind=FillKind.LIQUIDATION,
        )
    except ValueError as error:
        raise BadInput(path, "a liquidation", f"<{error}>") from None


def merged(*parts: Iterable[tuple[int, Fill]]) -> tuple[Fill, ...]:
    """Fills in the order of their submissions."""
    return tuple(fill for _, fill in sorted((p for part in parts for p in part), key=lambda placed: placed[0]))


@dataclass(frozen=True, slots=True)
class Payment:
    """One funding payment of the archive's; what is equal in all of these is told apart by its place."""

    product_id: int
    index: int
    time: int
    amount: int
    balance: int


def payments_of(body: object) -> tuple[list[Payment], int | None]:
    """One page of `interest_and_funding`, and where the next one starts. Raises BadInput."""
    answer = envelope.decode(body, wire.Payments, "interest_and_funding")
    made = []
    for at, row in enumerate(answer.funding_payments):
        path = f"funding_payments[{at}]"
        made.append(
            Payment(
                row.product_id,
                x18.whole(row.idx, f"{path}.idx", least=0),
                x18.whole(row.timestamp, f"{path}.timestamp", least=0, most=10**11) * 1000,
                x18.whole(row.amount, f"{path}.amount"),
                x18.whole(row.balance_amount, f"{path}.balance_amount"),
            )
        )
    following = answer.next_idx
    return made, None if following in (None, "") else x18.whole(following, "next_idx", least=0)


async def payments(ask: Ask, subaccount: str, products: Sequence[int], since_ms: int) -> list[Payment]:
    """Funding of a subaccount since a moment, oldest first."""
    found: dict[Payment, None] = {}
    bound: dict[str, Any] = {}
    for _ in range(MOST_PAGES):
        params = {"subaccount": subaccount, "product_ids": list(products), "limit": PAYMENTS_PAGE, **bound}
        page, following = payments_of(await ask("interest_and_funding", params, 5))
        found.update(dict.fromkeys(page))
        if following is None or (page and page[-1].time < since_ms) or following == bound.get("max_idx"):
            break
        bound = {"max_idx": following}
    return sorted((p for p in found if p.time >= since_ms), key=lambda p: (p.index, p.product_id))


def funding_of(paid: Sequence[Payment], isolated: Iterable[Payment], names: Names) -> tuple[FundingPayment, ...]:
    """Payments as facts. The venue lists those of isolated positions among all: they are told by being in both."""
    apart = set(isolated)
    made = []
    for payment in dict.fromkeys([*paid, *sorted(apart - set(paid), key=lambda p: p.index)]):
        account = names.isolated if payment in apart else names.cross
        try:
            made.append(
                FundingPayment(
                    id=f"{payment.index}/{payment.product_id}",
                    symbol=names.symbol(payment.product_id),
                    amount=x18.of(payment.amount),
                    asset=QUOTE,
                    time=payment.time,
                    venue=VENUE,
                    account=account,
                )
            )
        except ValueError as error:
            raise BadInput("funding_payments", "payments", f"<{error}>") from None
    return tuple(sorted(made, key=lambda fact: fact.time or 0))


def isolated_names_of(body: object) -> tuple[str, ...]:
    """The subaccounts of an `isolated_subaccounts` answer: ids, or rows that have one. Raises BadInput."""
    rows = body.get("isolated_subaccounts") if isinstance(body, Mapping) else None
    if not isinstance(rows, list):
        raise BadInput("isolated_subaccounts", "a list", f"<{type(rows).__name__}>")
    made = []
    for at, row in enumerate(rows):
        name = row.get("isolated_subaccount", row.get("subaccount")) if isinstance(row, Mapping) else row
        if not isinstance(name, str) or not is_subaccount(name):
            raise BadInput(f"isolated_subaccounts[{at}]", "32 bytes of hexadecimal", name)
        made.append(name.lower())
    return tuple(made)


def transfers_of(entries: Sequence[Entry], names: Names) -> tuple[Transfer, ...]:
    """Money that came in or went out. Raises BadInput.

    What moves between the subaccount and its isolated positions stays inside: the balances that one submission
    changed are summed up, and only a rest (the fee of such a move) counts.
    """
    moved: dict[tuple[int, int], int] = {}
    times: dict[int, int] = {}
    for at, entry in enumerate(entries):
        path = f"events[{at}]"
        raw = envelope.decode(entry.row, wire.BalanceEvent, path)
        if raw.event_type not in MONEY or "spot" not in raw.post_balance or "spot" not in raw.pre_balance:
            continue
        before, after = (
            x18.whole(envelope.decode(b["spot"], wire.SpotBalance, f"{path}.{s}").balance.amount, f"{path}.{s}")
            for s, b in (("pre_balance", raw.pre_balance), ("post_balance", raw.post_balance))
        )
        key = (entry.index, raw.product_id)
        moved[key] = moved.get(key, 0) + after - before
        times[entry.index] = entry.time
    made = []
    for (index, number), amount in moved.items():
        if amount:
            try:
                made.append(
                    Transfer(
                        id=f"{index}/{number}",
                        asset=names.symbol(number),
                        amount=x18.of(amount),
                        time=times[index],
                        venue=VENUE,
                        account=names.cross,
                    )
                )
            except ValueError as error:
                raise BadInput("events", "transfers", f"<{error}>") from None
    return tuple(made)
