"""One account in a soak: our client, what it told us, and the venue's own ledger beside it."""

import asyncio
import logging
from collections import Counter
from decimal import Decimal

from solvent.core.account import Venue
from solvent.core.errors import BadInput
from solvent.paper.orders import Status
from solvent.paper.units import decimal
from solvent.positions import Builder
from solvent.venues.connect import connect
from solvent.venues.events import FillSeen, StreamDown, StreamGap, StreamUp
from solvent.venues.failures import UnknownOutcome, VenueError
from solvent.venues.keys import Credentials, Secret

OVERLAP_MS = 60_000
SETTLE_S = 8.0
"""Longer than a stream waits before it asks a second time."""
CENT = Decimal("0.01")
NEVER_STOOD = ("ioc", "fok", "no_liquidity")
"""Orders that ended as they came: some venues answer them as refusals."""


class Trouble(logging.Handler):
    """Whatever nobody handled, and whatever did not agree."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.unhandled, self.wrong, self.spells = [], [], Counter()

    def loop(self, _loop, context):
        error = context.get("exception")
        self.unhandled.append(f"{context.get('message')}: {type(error).__name__}: {error}")

    def emit(self, record):
        error = record.exc_info[1] if record.exc_info else None
        self.unhandled.append(f"{record.getMessage()}: {type(error).__name__}: {error}")


class Desk:
    """`client` trades; its stream and its REST fills go into `book`; `asked` and so on keep what was promised."""

    def __init__(self, world, server, row, clock, start_ms):
        self.venue, self.name, self._clock, self._since = row["venue"], row["name"], clock, start_ms
        self.world = world
        self.exchange = world.venues[self.venue].exchange
        urls = server.urls[self.venue]
        given = (
            {"base_url": urls}
            if isinstance(urls, str)
            else {
                "base_url": urls["engine"],
                "indexer_url": urls["indexer"],
            }
        )
        self.client = connect(self.venue, credentials=_keys(row), times=clock.times(), **given)
        self.start_ms = start_ms
        self.book = Builder()
        self.errors, self.outcomes = Counter(), Counter()
        self.streamed, self.rested, self.doubled, self.ups, self.gaps = 0, 0, 0, 0, 0
        self.quiet_points = 0
        self.up = asyncio.Event()
        self._ids, self._streamed = set(), set()
        self._promises = {}
        self._failed = []

    async def __aenter__(self):
        rows = {self.client_symbol(s) for s in list(self.exchange.listings)[:10]}
        terms = await self.client.instruments()
        self.terms = sorted((t for t in terms.values() if t.instrument in rows), key=lambda t: t.instrument)
        assert len(self.terms) == 10, f"{self.venue}: {len(self.terms)} of its instruments are known to the client"
        self.account = self._account()
        self._listening = asyncio.create_task(self._listen())
        await self.up.wait()
        return self

    async def __aexit__(self, *_):
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        await self.client.close()

    def _account(self):
        names = self.exchange.accounts
        wanted = self.client.account.lower()
        return (
            names[self.name]
            if self.name in names
            else next(account for name, account in names.items() if name in wanted or wanted.startswith(name))
        )

    def client_symbol(self, listed):
        return listed

    def symbol(self, instrument):
        return instrument

    # --- what happens

    async def _listen(self):
        try:
            async with self.client.stream("fills", "orders", "positions") as events:
                async for event in events:
                    match event:
                        case FillSeen(fill):
                            self._fold(fill, by_stream=True)
                        case StreamUp():
                            self.ups += 1
                            self.up.set()
                        case StreamDown():
                            self.up.clear()
                        case StreamGap():
                            self.gaps += 1
        except Exception as error:
            self._failed.append(f"{self}: the stream ended: {type(error).__name__}: {error}")
            self.up.set()
            raise

    def _fold(self, fill, *, by_stream):
        name = (fill.symbol, fill.id)
        if by_stream:
            self.doubled += name in self._streamed
            self._streamed.add(name)
        if name in self._ids:
            return
        self._ids.add(name)
        self.book.apply(fill)
        if by_stream:
            self.streamed += 1
        else:
            self.rested += 1

    def size(self, instrument):
        """Signed, by our own book."""
        return sum(
            (line.position().quantity for key, line in self.book._lines.items() if key.symbol == instrument),
            Decimal(0),
        )

    # --- what was promised

    def asked(self, client_id):
        self._promises[client_id] = "asked"

    def answered(self, client_id, placed):
        self._promises[client_id] = "placed"
        self.outcomes[str(placed.status)] += 1

    def failed(self, client_id, error):
        self._promises[client_id] = "unknown" if isinstance(error, UnknownOutcome) else "refused"
        self._count("place", error)

    async def tolerant(self, what, call):
        try:
            await call
        except (VenueError, BadInput) as error:
            self._count(what, error)

    def _count(self, what, error):
        code = getattr(error, "code", "")
        code = code if len(code) < 24 else code[:24]
        self.errors[f"{self.venue} {what} {type(error).__name__}[{code}]"] += 1

    # --- quiet

    async def cancel_all(self):
        for _ in range(20):
            await self.tolerant("last cancel_all", self.client.cancel_all(reason="quiet"))
            if not self.account.orders:
                return
            await self._clock.sleep(1)
        self._failed.append(f"{self}: {len(self.account.orders)} orders would not be cancelled")

    async def settle(self):
        """Until the stream is up and nothing comes any more."""
        while True:
            await self.up.wait()
            before = self.streamed, self.ups
            await self._clock.sleep(SETTLE_S)
            if self.up.is_set() and before == (self.streamed, self.ups):
                return

    async def compare(self, trouble, when):
        """All that must be equal now, said in words where it is not."""
        self.quiet_points += 1
        for fill in await self.client.fills(max(self._since - OVERLAP_MS, self.start_ms)):
            self._fold(fill, by_stream=False)
        self._since = self._clock.wall_ms()
        wrong, self._failed = self._failed, []
        ledger = {h.symbol: decimal(h.size) for h in self.account.holdings.values() if h.size}
        ours = {t.instrument: s for t in self.terms if (s := self.size(t.instrument))}
        said = {}
        for position in await self.client.positions():
            said[position.instrument] = said.get(position.instrument, Decimal(0)) + position.size
        if ours != ledger:
            wrong.append(f"positions differ: ours {_shown(ours)}, the ledger's {_shown(ledger)}")
        if said != ledger:
            wrong.append(f"the venue says {_shown(said)}, its ledger {_shown(ledger)}")
        if len(self._ids) != self.ledger_fills():
            wrong.append(f"{len(self._ids)} fills, the ledger has {self.ledger_fills()}")
        if self.doubled:
            wrong.append(f"{self.doubled} fills came twice")
        fees = sum((decimal(t.fee) for t in self.account.trades), Decimal(0))
        folded = sum((t for key, t in self._totals("fee")), Decimal(0))
        if abs(fees - folded) > CENT:
            wrong.append(f"fees {folded}, the ledger's {fees}")
        wrong += self._broken_promises()
        trouble.wrong += [f"{when}: {self}: {line}" for line in wrong]

    def _totals(self, what):
        book = self.book.book()
        return [(t, book.total(t.what, t.asset, t.venue, t.account)) for t in book.totals if t.what == what]

    def _broken_promises(self):
        """An order that was answered exists once; one that was refused never stood in the book."""
        known = Counter()
        stood = {}
        for order in (*self.account.history, *self.account.orders.values()):
            if order.client_id is not None:
                known[order.client_id] += 1
                stood[order.client_id] = order.filled or not (
                    order.status is Status.REJECTED or order.reason in NEVER_STOOD
                )
        wrong = []
        for client_id, promise in self._promises.items():
            times, lived = known[client_id], stood.get(client_id, False)
            if times > 1:
                wrong.append(f"order {client_id} was placed {times} times")
            if promise == "placed" and not times:
                wrong.append(f"order {client_id} was answered, but the venue never had it")
            if promise == "refused" and lived:
                wrong.append(f"order {client_id} was said to be refused, but it stood")
        self._promises.clear()
        return wrong

    async def compare_funding(self, trouble):
        for payment in await self.client.funding_paid(self.start_ms):
            self.book.apply(payment)
        paid = sum((decimal(p.amount) for p in self.account.funding), Decimal(0))
        folded = sum((t for _, t in self._totals("funding")), Decimal(0))
        self.funding = len(self.account.funding)
        if abs(paid - folded) > CENT:
            trouble.wrong.append(f"{self}: funding {folded}, the ledger's {paid}")

    # --- figures

    def ledger_fills(self):
        return len(self.account.trades)

    def kept(self):
        """Orders, fills and ids that somebody keeps."""
        account = self.account
        return len(account.history) + len(account.trades) + len(self._ids) + len(self._streamed)

    def line(self):
        kinds = Counter(t.kind for t in self.account.trades)
        return (
            f"{self!s:<18} {sum(self.outcomes.values()):>5} placed, {len(self._ids):>5} fills "
            f"({self.streamed} by stream, {self.rested} only by REST; "
            f"{', '.join(f'{n} {kind}' for kind, n in kinds.most_common())}), {self.ups} connections, "
            f"{self.doubled} doubled, {self.quiet_points} quiet points"
        )

    def __str__(self):
        return f"{self.venue} {self.name}"


def _keys(row):
    given = {name: Secret(row[name]) for name in ("private_key", "api_key", "api_secret") if name in row}
    return Credentials(venue=Venue(row["venue"]), **given)


def _shown(sizes):
    return ", ".join(f"{name} {size}" for name, size in sorted(sizes.items())) or "nothing"
