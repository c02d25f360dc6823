"""One look at several sources without a database: what answers is shown, what does not keeps its last row."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from solvent.margin.evaluate import Evaluation
from solvent.runtime.sources import Reading, Source, reason_of
from solvent.treasury.allocation import Deployed
from solvent.treasury.balances import WalletBalance, nothing_known


@dataclass(frozen=True, slots=True)
class Look:
    """Rows of all sources, in the order of the sources; accounts of those that answered."""

    rows: tuple[WalletBalance, ...]
    accounts: tuple[Evaluation, ...]
    deployed: tuple[Deployed, ...]

    @property
    def failed(self) -> bool:
        return any(r.stale for r in self.rows)


async def look(sources: Sequence[Source], last: Look | None = None, *, deadline_s: float = 30.0) -> Look:
    """Ask every source at once, each with its own deadline. Raises nothing that one source raises."""
    known = {} if last is None else {(r.chain, r.account): r for r in last.rows}
    found = await asyncio.gather(*(_one(s, known, deadline_s) for s in sources))
    readings = [r for r in found if isinstance(r, Reading)]
    return Look(
        rows=tuple(r.balance if isinstance(r, Reading) else r for r in found),
        accounts=tuple(r.made for r in readings if r.made is not None),
        deployed=tuple(
            Deployed(venue=p.venue, instrument=p.instrument, amount=p.margin)
            for r in readings
            for p in r.positions
            if p.margin is not None
        ),
    )


async def _one(
    source: Source, known: Mapping[tuple[str, str], WalletBalance], deadline_s: float
) -> Reading | WalletBalance:
    try:
        async with asyncio.timeout(deadline_s):
            return await source.read(None)
    except Exception as error:  # Whatever keeps one source from answering stays with it.
        last = known.get((source.chain, source.account))
        why = reason_of(error)
        if last is not None:
            return last.failed(why)
        return nothing_known(source.chain, source.account, source.asset, "none", why)


async def close_all(sources: Sequence[Source]) -> None:
    """Close every source's connections."""
    for source in sources:
        await source.close()


__all__ = ["Look", "close_all", "look"]
