"""The treasury at work: sources looked at on a schedule, everything put on record, money reserved in one step."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.core.errors import BadInput, Refused
from solvent.runtime.projected import ProjectedJournal, Writing
from solvent.runtime.sources import Reading, Source, now_ms, reason_of
from solvent.store import treasury_rows as rows
from solvent.store.treasury_projection import NEVER_ANSWERED
from solvent.treasury.allocation import (
    HOME_CHAIN,
    MAX_AGE_MS,
    Allocation,
    Budgets,
    CapitalReservation,
    Declined,
    Holdings,
    Stage,
    allocate,
    decide,
)
from solvent.treasury.balances import WalletBalance, nothing_known
from solvent.treasury.settings import LeverageDecision, LeveragePolicy, changes, leverage_for, policy_for
from solvent.treasury.snapshots import BalanceSnapshot, CurvePoint, capture, equity_curve, wallet_flow

EVERY_S: Final = 60.0
SNAPSHOT_EVERY_S: Final = 3600.0
DEADLINE_S: Final = 30.0
KEY: Final = ("instrument", "side", "slot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the treasury decides; see `solvent.treasury.allocation`."""

    budgets: Budgets = field(default_factory=Budgets)
    home_chain: str = HOME_CHAIN
    max_age_ms: int | None = MAX_AGE_MS
    policies: Mapping[str, LeveragePolicy] | None = None


class Treasury:
    """One writer's treasury. All methods may run at the same time as tasks of one event loop."""

    def __init__(
        self,
        books: ProjectedJournal,
        sources: Sequence[Source] = (),
        *,
        rules: Rules | None = None,
        clock: Callable[[], int] = now_ms,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.books = books
        self.sources = tuple(sources)
        self.rules = rules or Rules()
        self._clock = clock
        self._deadline_s = deadline_s

    # --- balances

    async def refresh(self) -> tuple[WalletBalance, ...]:
        """Look at every source, each on its own; the rows as they are then. One that fails is marked stale."""
        await asyncio.gather(*(self.refresh_one(source) for source in self.sources))
        return await self.balances()

    async def balances(self) -> tuple[WalletBalance, ...]:
        """The newest row of each source."""
        async with self.books.reading() as connection:
            return await rows.balances(connection)

    async def refresh_one(self, source: Source) -> None:
        """Look at one source. Whatever goes wrong with it stays with it: the row says so, nothing is raised."""
        async with self.books.reading() as connection:
            known = {r.key: r for r in await rows.balances(connection)}
        last = next((r for k, r in known.items() if k[:2] == (source.chain, source.account)), None)
        try:
            async with asyncio.timeout(self._deadline_s):
                found = await source.read(None if last is None else last.as_of)
        except Exception as error:  # Even a defect of one venue's reader must not keep the others from being read.
            await self._failed(source, last, reason_of(error))
        else:
            await self._seen(found, source)

    async def _failed(self, source: Source, last: WalletBalance | None, error: str) -> None:
        row = (
            nothing_known(source.chain, source.account, source.asset, NEVER_ANSWERED, error)
            if last is None
            else last.failed(error)
        )
        if row == last:
            return  # It failed in the same way before, and that is on record.
        async with self.books.writing() as writing:
            await writing.put("wallet_balance", **asdict(row))

    async def _seen(self, found: Reading, source: Source) -> None:
        row = found.balance
        async with self.books.writing() as writing:
            before = {r.key: r for r in await rows.balances(writing.connection)}
            last = before.get(row.key)
            if last is not None and None not in (last.as_of, row.as_of) and last.as_of > row.as_of:  # type: ignore[operator]
                return  # A slower look that started earlier: what is known is newer.
            await self._flows(writing, found, last)
            await self._positions(writing, found, source)
            if row != last:
                await writing.put("wallet_balance", **asdict(row))

    async def _flows(self, writing: Writing, found: Reading, last: WalletBalance | None) -> None:
        inferred = wallet_flow(last, found.balance) if found.made is None else None
        seen = [*found.flows, *([] if inferred is None else [inferred])]
        if not seen:
            return
        since = min(flow.at for flow in seen)
        known = {(f.chain, f.account, f.id) for f in await rows.flows(writing.connection, since)}
        for flow in seen:
            if (flow.chain, flow.account, flow.id) not in known:
                await writing.put("flow", **asdict(flow))

    async def _positions(self, writing: Writing, found: Reading, source: Source) -> None:
        if found.made is None:
            return
        stored = await rows.positions(writing.connection, source.chain)
        held = [p.held for p in stored if p.held.account == source.account]
        if {p.key: p for p in held} == {p.key: p for p in found.positions}:
            return
        changed = [
            {**dict(zip(KEY, c.key[2:], strict=True)), "field": c.field, "before": c.before, "after": c.after}
            for c in changes(held, found.positions)
        ]
        await writing.put(
            "positions_seen",
            venue=source.chain,
            account=source.account,
            as_of=found.balance.as_of,
            at=self._clock(),
            positions=[asdict(p) | {"features": p.features} for p in found.positions],
            changes=changed,
        )

    async def capture_snapshot(self) -> BalanceSnapshot:
        """Sum all chains and venues as they are known now, and keep it."""
        async with self.books.writing() as writing:
            made = capture(await rows.balances(writing.connection), self._clock())
            await writing.put(
                "balance_snapshot",
                at=made.at,
                usdc_balance=made.usdc_balance,
                complete=made.complete,
                rows=[asdict(r) for r in made.rows],
            )
        return made

    async def curve(self, since: int | None = None) -> tuple[CurvePoint, ...]:
        """The equity curve of the snapshots since a moment; profit apart from money that came or went."""
        async with self.books.reading() as connection:
            return equity_curve(await rows.snapshots(connection, since), await rows.flows(connection))

    async def run(
        self, stop: asyncio.Event, *, every_s: float = EVERY_S, snapshot_every_s: float = SNAPSHOT_EVERY_S
    ) -> None:
        """Refresh each source on its own schedule, and take snapshots, until `stop` is set."""

        async def forever(work: Callable[[], Any], pause_s: float) -> None:
            while not stop.is_set():
                await work()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause_s)

        await self.refresh()
        async with asyncio.TaskGroup() as tasks:
            for source in self.sources:
                tasks.create_task(forever(lambda s=source: self.refresh_one(s), every_s))  # type: ignore[misc]
            tasks.create_task(forever(self.capture_snapshot, snapshot_every_s))

    # --- allocation

    async def allocation(
        self, *, venue: str, strategy: str, instrument: str, account: str | None = None
    ) -> Allocation:
        """`usd_alloc_remaining` of a position: what may go into it now, and which bound holds."""
        async with self.books.reading() as connection:
            held = await holdings(connection, self.rules)
        return allocate(
            held, venue=venue, strategy=strategy, instrument=instrument, now=self._clock(), account=account
        )

    async def reserve(
        self,
        id: str,  # noqa: A002
        amount: Decimal,
        *,
        venue: str,
        strategy: str,
        instrument: str,
        account: str | None = None,
    ) -> CapitalReservation | Declined:
        """Set money aside for a position, all of it or none, in one transaction that nobody else can be in.

        The same id asked for again with the same words gives what it gave before. Raises BadInput where the words
        differ.
        """
        async with self.books.writing() as writing:
            known = await rows.reservation(writing.connection, id)
            if known is not None:
                asked = (amount, venue, strategy, instrument)
                if (known.amount, known.venue, known.strategy, known.instrument) != asked:
                    raise BadInput("id", "an id that no other reservation has", id)
                return known
            made = decide(
                await holdings(writing.connection, self.rules),
                id=id,
                amount=amount,
                venue=venue,
                strategy=strategy,
                instrument=instrument,
                now=self._clock(),
                account=account,
            )
            if isinstance(made, CapitalReservation):
                await writing.put("capital_reserved", **asdict(made))
            return made

    async def deploy(self, id: str, used: Decimal | None = None) -> CapitalReservation:  # noqa: A002
        """The money is in the market; `used` is what was really taken, not more than was reserved."""
        return await self._stage(id, Stage.DEPLOYED, used)

    async def release(self, id: str) -> CapitalReservation:  # noqa: A002
        """The position was never opened, or is closed; then its money is free once the balance is newer."""
        return await self._stage(id, Stage.RELEASED, None)

    async def _stage(self, key: str, stage: Stage, used: Decimal | None) -> CapitalReservation:
        async with self.books.writing() as writing:
            known = await rows.reservation(writing.connection, key)
            if known is None:
                raise Refused("no-reservation", f"no reservation {key!r}")
            over = known.stage in (Stage.CLOSED, Stage.RELEASED)
            if known.stage is stage or (over and stage is Stage.RELEASED):
                return known
            if over:
                raise Refused("released", f"reservation {key!r} was released already")
            if stage is Stage.RELEASED and known.stage is Stage.DEPLOYED:
                stage = Stage.CLOSED
            if used is not None and not 0 < used <= known.amount:
                raise BadInput("used", f"above 0, at most the {known.amount} reserved", used)
            await writing.put("capital_staged", id=key, stage=str(stage), since=self._clock(), amount=used)
            found = await rows.reservation(writing.connection, key)
            assert found is not None
            return found

    # --- leverage

    async def decide_leverage(
        self,
        *,
        strategy: str,
        venue: str,
        instrument: str,
        asked: Decimal | None = None,
        maximum: Decimal | None = None,
        isolated_only: bool = False,
    ) -> LeverageDecision:
        """What the strategy's policy says for a position, on record. Nothing is set at the venue."""
        rule = policy_for(self.rules.policies or {}, strategy)
        made = leverage_for(
            rule,
            strategy=strategy,
            venue=venue,
            instrument=instrument,
            asked=asked,
            maximum=maximum,
            isolated_only=isolated_only,
        )
        fields = asdict(made)
        fields["margin_mode"] = fields.pop("mode")
        async with self.books.writing() as writing:
            await writing.put("leverage_decided", **fields, at=self._clock())
        return made


async def holdings(connection: AsyncConnection, rules: Rules) -> Holdings:
    """All that an allocation is decided on, as the database has it."""
    return Holdings(
        balances=await rows.balances(connection),
        reservations=await rows.reservations(connection),
        deployed=await rows.deployed(connection),
        budgets=rules.budgets,
        home_chain=rules.home_chain,
        max_age_ms=rules.max_age_ms,
    )


__all__ = ["Rules", "Treasury", "holdings"]
