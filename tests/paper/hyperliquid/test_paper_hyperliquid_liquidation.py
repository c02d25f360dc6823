"""Liquidation by Hyperliquid's rule: a fifth first, then all; the backstop; auto-deleveraging; pockets apart."""

from decimal import Decimal as D  # noqa: N817

import pytest
from hyperliquid_paper_kit import Venue

from solvent.paper.events import Traded
from solvent.paper.units import text, times, units


def moved(venue, coin, share):
    """The coin's mark, set by hand; margins are looked at as after a step."""
    listing = venue.exchange.listings[coin]
    venue.exchange.marks[coin] = listing.snap(times(venue.exchange.marks[coin], units(share)))
    book = venue.exchange.books[coin]
    book.renew(venue.exchange.marks[coin], book.step + 1, 10**18)


def watch(venue):
    venue.exchange.now += 1_000
    venue.exchange.rules.watch(venue.exchange)


def indebted(size="15", leverage=40, venue=None):
    """Alice long BTC with nearly all she has."""
    venue = venue or Venue(7)
    venue.alice.leverage("BTC", leverage)
    for _ in range(10):
        left = D(size) - D((venue.alice.position("BTC") or {"szi": "0"})["szi"])
        if left <= 0:
            break
        venue.alice.order("BTC", 1, str(min(left, D(3))))
        venue.forward(1)
    return venue


def below_maintenance(venue, share):
    """Bring equity to a share of the maintenance margin by moving cash, the mark being what it is."""
    from solvent.paper.hyperliquid.margin import Margins

    account = venue.exchange.accounts[venue.alice.user]
    margins = Margins(venue.exchange, account)
    wanted = times(margins.cross_maintenance(), units(share))
    venue.exchange.move(account, "test", wanted - margins.cross_value(), asset="USDC")
    return account


def test_a_large_position_goes_to_the_book_by_a_fifth_and_then_whole():
    venue = indebted()
    account = below_maintenance(venue, "0.9")
    heard = []
    venue.exchange.listeners.append(lambda e: heard.append(e) if isinstance(e, Traded) else None)
    size = account.size("BTC")
    watch(venue)
    assert size - account.size("BTC") == size // 5
    assert {t.trade.kind for t in heard} == {"liquidation"}
    row = venue.info("userFills", user=venue.alice.user)[0]
    assert row["dir"] == "Close Long"
    assert row["liquidation"]["method"] == "market"
    assert row["liquidation"]["liquidatedUser"] == venue.alice.user
    ledger = venue.info("userNonFundingLedgerUpdates", user=venue.alice.user, startTime=0)[-1]["delta"]
    assert ledger["type"] == "liquidation"
    assert ledger["liquidatedPositions"] == [{"coin": "BTC", "szi": text(size, 1)}]
    below_maintenance(venue, "0.9")
    before = len(account.trades)
    moved(venue, "BTC", "1")
    watch(venue)
    taken = sum(t.size for t in list(account.trades)[before:])
    assert taken == size - size // 5  # within the half minute it is all of it


def test_a_small_position_goes_whole_and_orders_go_first():
    venue = indebted("1.5", 40)
    venue.alice.order("BTC", 1, "0.01", "50000", "Gtc")
    account = below_maintenance(venue, "0.9")
    watch(venue)
    assert account.size("BTC") == 0
    ended = [o["status"] for o in venue.info("historicalOrders", user=venue.alice.user)]
    assert "liquidatedCanceled" in ended
    assert not account.orders
    assert account.cash >= 0


def test_what_holds_again_is_left_alone():
    venue = indebted()
    account = below_maintenance(venue, "1.0")
    size = account.size("BTC")
    watch(venue)
    assert account.size("BTC") == size
    account = below_maintenance(venue, "0.999999")
    watch(venue)
    assert account.size("BTC") < size


def test_below_two_thirds_the_vault_takes_positions_and_margin():
    venue = indebted()
    account = below_maintenance(venue, "0.66")
    watch(venue)
    assert account.size("BTC") == 0
    assert account.cash == 0
    row = venue.info("userFills", user=venue.alice.user)[0]
    assert (row["dir"], row["liquidation"]["method"]) == ("Liquidated Cross Long", "backstop")
    assert venue.exchange.total() == 0


def test_beyond_zero_the_other_side_is_deleveraged_at_the_mark_before():
    venue = indebted()
    venue.bob.order("BTC", -1, "2")
    watch(venue)
    price = venue.exchange.marks["BTC"]
    account = below_maintenance(venue, "-0.1")
    moved(venue, "BTC", "0.99")
    watch(venue)
    assert account.size("BTC") == 0
    assert venue.exchange.accounts[venue.bob.user].size("BTC") == 0
    for client, side in ((venue.alice, "A"), (venue.bob, "B")):
        row = next(r for r in venue.info("userFills", user=client.user) if r["dir"] == "Auto-Deleveraging")
        assert (row["side"], D(row["px"])) == (side, D(price) / 10**18)
    assert account.cash == 0
    assert venue.exchange.total() == 0


@pytest.mark.parametrize(("share", "method"), [("0.9", "market"), ("0.5", "backstop")])
def test_an_isolated_position_falls_alone(share, method):
    venue = Venue(7)
    client = venue.alice
    client.leverage("ETH", 25, cross=False)
    client.order("ETH", 1, "10")
    client.order("BTC", 1, "0.1")
    account = venue.exchange.accounts[client.user]
    held = account.held("ETH")
    mark = venue.exchange.marks["ETH"]
    needed = held.notional(mark) // 50
    before = account.cash
    venue.exchange.house.cash += held.cash
    held.cash = times(needed, units(share)) - held.value(mark)
    venue.exchange.house.cash -= held.cash
    watch(venue)
    assert client.position("ETH") is None
    assert client.position("BTC")["szi"] == "0.1"
    row = next(r for r in venue.info("userFills", user=client.user) if r["coin"] == "ETH")
    assert row["liquidation"]["method"] == method
    if method == "backstop":
        assert row["dir"] == "Liquidated Isolated Long"
        assert account.cash == before
    else:
        assert account.cash > before
    assert venue.exchange.total() == 0


def test_a_crash_liquidates_and_never_leaves_a_debt():
    venue = indebted(venue=Venue(3, "crash"))
    venue.bob.leverage("SOL", 20, cross=False)
    venue.bob.order("SOL", 1, "2000")
    venue.forward(300)
    for client in (venue.alice, venue.bob):
        account = venue.exchange.accounts[client.user]
        assert not account.holdings
        assert account.cash >= 0
        assert any("liquidation" in f for f in venue.info("userFills", user=client.user))
    assert D(venue.bob.state()["withdrawable"]) > 50_000
    assert venue.exchange.total() == 0
