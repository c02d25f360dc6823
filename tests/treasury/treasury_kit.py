"""Balances, books and sources for tests of the treasury."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal as D  # noqa: N817

from solvent.runtime.file_journal import AuditLogger
from solvent.runtime.projected import ProjectedJournal
from solvent.runtime.sources import Reading
from solvent.runtime.treasury import Rules, Treasury
from solvent.store.database import Database
from solvent.treasury.allocation import Budgets
from solvent.treasury.balances import WalletBalance

NOW = 1_800_000_000_000


def row(chain, available, *, equity=None, orders=0, account="", as_of=NOW, **more):
    """A venue whose equity is `equity`, of which `available` may be used."""
    equity = D(available if equity is None else equity)
    given = {
        "chain": chain,
        "account": account,
        "usdc_balance": equity,
        "balance": equity,
        "equity": equity,
        "free_margin": D(available) + D(orders),
        "order_margin": D(orders),
        "available": D(available),
        "withdrawable": D(available),
        "source": "test",
        "as_of": as_of,
    }
    return WalletBalance(**{**given, **more})


class Ticking:
    """A clock that a test moves."""

    def __init__(self, at=NOW):
        self.at = at

    def __call__(self):
        return self.at


class Told:
    """A source that says what a test tells it: a row, or an error to raise."""

    def __init__(self, said, *, wallet=False, flows=()):
        self.said, self.wallet, self.flows, self.asked = said, wallet, flows, []
        first = said if isinstance(said, WalletBalance) else row("nado", 0)
        self.chain, self.account, self.asset = first.chain, first.account, first.asset

    async def read(self, since_ms):
        self.asked.append(since_ms)
        if isinstance(self.said, BaseException):
            raise self.said
        return Reading(balance=self.said, flows=tuple(self.flows), made=None if self.wallet else object())

    async def close(self):
        return None


@asynccontextmanager
async def treasury(url, folder, sources=(), *, clock=None, durability="os", budgets=None, **rules):
    clock = clock or Ticking()
    async with await Database.open(url) as database:
        with AuditLogger(folder, durability=durability) as logger:
            made = Rules(budgets=budgets or Budgets(), **rules)
            yield Treasury(ProjectedJournal(database, logger), sources, rules=made, clock=clock, deadline_s=60.0)


def run(work):
    return asyncio.run(work)


def later(of, **changes):
    return replace(of, **changes)
