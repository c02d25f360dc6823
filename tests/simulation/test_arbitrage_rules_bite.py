"""The simulation's rules find a program that is wrong: each of these is broken on purpose."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest
from simulation.arbitrage import run

from solvent.orders.arbitrage import Status
from solvent.orders.arbitrage_step import Move
from solvent.runtime import arbitrage
from solvent.runtime.arbitrage import FundingArbitrage
from solvent.runtime.arbitrage_entry import Entering
from solvent.runtime.gated import GatedDesk, Sent
from solvent.store import arbitrage_fold as fold

MOST = 160
"""Runs in which a fault must have shown."""


def found(words):
    """The first broken rule with these words."""
    for seed in range(1, MOST):
        for line in run(seed).result.wrong:
            if words in line:
                return line
    return None


def test_an_order_that_is_sent_before_it_is_on_record(monkeypatch):
    async def send(self, pair, wanted):
        orders = []
        for one in wanted:
            order = pair.order(one, len(pair.sub.orders) + len(orders), self._now())
            if order is None:
                pair.seen = None
                return
            orders.append(order)
        terms = pair.sub.entry
        sent = [await pair.legs[o.leg].send(o, terms.leg(o.leg), self._now) for o in orders]
        for order in orders:
            await self._put(pair, fold.ORDER, order=fold.to_data(order))
        for order in sent:
            await self._put(pair, fold.SETTLED, order=fold.to_data(order))

    monkeypatch.setattr(FundingArbitrage, "_send", send)
    # The next life knows of no order, so it finds the instrument in use, ends, and leaves what is there.
    assert found("ended ERROR with")


def test_a_leverage_that_is_believed_without_being_read(monkeypatch):
    async def sync(self, sub):
        return SimpleNamespace(failure="", passes=False)

    monkeypatch.setattr(Entering, "sync", sync)
    monkeypatch.setattr(Entering, "check", Entering.again)
    assert found("opened at leverage")


def test_an_order_that_goes_round_the_gate(monkeypatch):
    real = GatedDesk.send

    async def send(self, desk, order, **more):
        sent = await real(self, desk, order, **more)
        if sent.outcome != "refused":
            return sent
        placed = await self.trader(desk).place(order)
        return Sent(outcome="placed", decision=sent.decision, client_id=sent.client_id, placed=placed)

    monkeypatch.setattr(GatedDesk, "send", send)
    assert found("without the gate's yes")


def test_a_leg_that_is_left_alone(monkeypatch):
    real = arbitrage.next_step

    def step(*args):
        made = real(*args)
        if isinstance(made, Move) and made.status is Status.UNWINDING:
            return replace(made, status=Status.ERROR)
        return made

    monkeypatch.setattr(arbitrage, "next_step", step)
    assert found("ended ERROR with")


def test_a_restart_that_forgets(monkeypatch):
    async def nothing(self):
        return ()

    async def load(self, *, ended=None):
        return ()

    async def free(self, request):
        await asyncio.sleep(0)

    monkeypatch.setattr(FundingArbitrage, "resume", nothing)
    monkeypatch.setattr(FundingArbitrage, "_free", free)
    from simulation import arbitrage as play

    class Forgetful(play.StoredPairs):
        async def load(self, *, ended=None):
            return () if ended else await super().load(ended=ended)

    monkeypatch.setattr(play, "StoredPairs", Forgetful)
    assert found("pairs where one was asked for")


@pytest.mark.parametrize("seed", [3, 7])
def test_the_program_as_it_is_keeps_them(seed):
    assert not run(seed).result.wrong
