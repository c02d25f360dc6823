"""The long proofs in small, so that every run of the tests holds them: see `make soak` and `make fuzz`."""

import asyncio
from decimal import Decimal

import fuzz
import fuzz_servers
import pytest
import soak
from soak_ledger import Trouble

from solvent.core.facts import Fill
from solvent.paper.world import VENUES

SMALL = soak.Plan(orders=800, minutes=3.0, quiet_points=2, speed=25.0)


@pytest.fixture(scope="module")
def small():
    return asyncio.run(soak.Soak(SMALL, say=lambda _: None).run())


def test_a_small_soak_with_all_faults_on_ends_with_the_ledgers_own_positions(small):
    assert set(SMALL.venues) == set(VENUES)
    assert soak.failures(small) == []
    assert small.done == 800
    met = small.world.faults.met
    assert {"lost_answer", "lost_request", "duplicate_message", "lose_message", "latency"} <= set(met)
    for desk in small.desks:
        assert desk.ledger_fills() > 10, f"{desk} hardly traded"
        assert desk.quiet_points == 2


def test_a_soak_would_see_what_it_looks_for(small):
    """A fill that we miss, one that comes twice, an order sent twice and one that stood though refused."""
    desk = next(d for d in small.desks if d.venue == "bybit")
    order = next(o for o in desk.account.history if o.filled)

    async def compared():
        trouble = Trouble()

        async def fills(_since):
            return ()

        async def positions():
            return ()

        client, desk.client = (
            desk.client,
            type("Silent", (), {"fills": staticmethod(fills), "positions": positions}),
        )
        desk.client.positions = staticmethod(positions)
        desk.client.capabilities = client.capabilities
        try:
            await desk.compare(trouble, "again")
        finally:
            desk.client = client
        return trouble.wrong

    desk._promises = {order.client_id: "refused"}
    desk.account.history.append(order)
    extra = Fill(id="x", symbol="BTCUSDT", side="buy", quantity=1, price=Decimal(1), venue="bybit", account="a")
    desk._fold(extra, by_stream=True)
    desk._fold(extra, by_stream=True)
    said = " ".join(asyncio.run(compared()))
    desk.account.history.pop()
    for part in (
        "was placed 2 times",
        "was said to be refused",
        "positions differ",
        "came twice",
        "fills, the ledger",
    ):
        assert part in said


@pytest.mark.parametrize("venue", VENUES)
def test_every_decoder_gives_a_typed_error_or_a_valid_fact(venue):
    found = asyncio.run(fuzz.run(500, [venue], say=lambda _: None, of_calls=60))
    assert [line for tally in found for line in tally.wrong] == []
    assert len(found) >= 24
    assert all(sum(tally.came.values()) >= 60 for tally in found)
    names = {tally.name.removeprefix(f"{venue} ") for tally in found}
    assert {"bundle file", "fills file", "bundle()", "fills()", "place()", "cancel()"} <= names
    assert any(name.startswith("frame") for name in names)
    refused = sum(n for tally in found for kind, n in tally.came.items() if kind != "fact")
    assert refused > sum(sum(tally.came.values()) for tally in found) / 5


def test_paper_servers_answer_whatever_comes():
    assert asyncio.run(fuzz_servers.run(250, say=lambda _: None)) == []
