"""What each record does to the desk's state: by hand, one record at a time."""

from decimal import Decimal as D  # noqa: N817
from decimal import localcontext

import pytest
from desks import NOON

from solvent.risk.lines import Resting
from solvent.risk.reservations import Reservation, Stage
from solvent.risk.situation import EXACT
from solvent.risk.state import MAX_USED_IDS, WINDOW_MS, DeskState, apply, key_of, utc_day


def told(*records, state=None):
    state = state or DeskState()
    with localcontext(EXACT):
        for record in records:
            apply(state, {"desk": True, "at_ms": NOON, **record})
    return state


def fill(name="f1", quantity="1", price="100", **more):
    plain = {"type": "order_filled", "symbol": "BTC", "side": "buy", "id": name}
    return {**plain, "quantity": quantity, "price": price, **more}


def mark(price, **more):
    return {"type": "mark", "symbol": "BTC", "price": str(price), **more}


def adopted(quantity, **more):
    return {"type": "reconciled", "adopted": [{"symbol": "BTC", "quantity": str(quantity), **more}]}


def trade(pnl, **more):
    return {"type": "trade_result", "pnl": str(pnl), **more}


def approved(client_id, at=NOON, venue="", symbol="BTC", quantity="1"):
    resting = Resting(client_id, (venue, symbol, ""), 1, D(quantity), D(100), False)
    reservation = Reservation(resting, Stage.RESERVED, at)
    return {"type": "risk_approved", "reservation": reservation.to_data()}


MONEY = {"type": "balance_updated", "balance": "900", "equity": "1000"}


def test_a_new_desk_knows_nothing():
    data = DeskState().to_data()
    assert (data["balance"], data["equity"], data["day_start"], data["day_pnl"]) == (None, None, None, None)
    assert (data["money_at_ms"], data["losses"], data["errors"]) == (0, 0, 0)


def test_records_of_others_in_the_same_journal_change_nothing():
    assert told({**MONEY, "desk": False}).equity is None
    assert told({"type": "state", "equity": "5"}).to_data() == DeskState().to_data()


@pytest.mark.parametrize("missing", ["equity", "balance"])
def test_an_account_update_needs_both_amounts(missing):
    state = told(MONEY, {k: v for k, v in {**MONEY, "equity": "5", "balance": "5"}.items() if k != missing})
    assert (state.balance, state.equity, state.money_at_ms) == (900, 1000, NOON)


def test_a_state_keeps_its_amounts_as_text():
    day, moved = {"type": "day_started", "day": "2027-01-15", "equity": "990"}, {"type": "transfer", "amount": "7"}
    data = told(MONEY, day, moved).to_data()
    assert (data["balance"], data["equity"], data["day_start"], data["transfers"]) == ("900", "1000", "990", "7")
    assert data["day_pnl"] == "10", "the transfer is no profit"
    assert DeskState.from_data(data).to_data() == data


@pytest.mark.parametrize(("given", "kept"), [("EUR", "EUR"), (None, "USD"), ("", "USD")])
def test_the_valuation_asset_of_a_configuration(given, kept):
    state = told({"type": "config_changed", "limits": {"max_positions": 3}, "valuation_asset": given})
    assert (state.valuation_asset, state.config) == (kept, {"max_positions": 3})
    assert told({"type": "config_changed"}, state=state).config == {"max_positions": 3}


@pytest.mark.parametrize(("record", "key"), [
    ({"symbol": "BTC"}, ("", "BTC", "")),
    ({"symbol": "BTC", "venue": None, "position_side": None}, ("", "BTC", "")),
    ({"symbol": "BTC", "venue": "bybit", "position_side": "long"}, ("bybit", "BTC", "long")),
])  # fmt: skip
def test_the_line_of_a_record(record, key):
    assert key_of(record) == key


# ---------------------------------------------------------------- marks


def test_a_mark_moves_what_is_held_of_its_symbol_and_venue():
    held = [adopted(2, venue="bybit"), adopted(-3, venue="bingx"), adopted(5, symbol="ETH", venue="bybit")]
    first = [mark(100, venue="bybit"), mark(100, venue="bingx"), mark(100)]
    assert told(*held, *first).since == 0, "the first mark gains nothing"
    assert told(*held, *first, mark(110, venue="bybit")).since == 20
    assert told(*held, *first, mark(110, venue="bingx")).since == -30
    assert told(*held, *first, mark(110)).since == -10, "a mark of no venue is that of all"
    assert told(*held, *first, mark(110, symbol="ETH")).since == 0


def test_a_mark_counts_in_its_contract():
    start = [adopted(2), mark(100)]
    assert told(*start, mark(101, multiplier="10")).since == 20
    assert told(*start, mark(101, inverse=True)).since == 0, "a coin's worth is not linear in its price"
    assert told(*start, mark(100)).since == 0


# ---------------------------------------------------------------- fills


def test_a_fill_counts_against_the_mark_in_its_contract():
    assert told(mark(110), fill(quantity="3")).since == 30
    assert told(mark(110), fill(quantity="3", multiplier="10")).since == 300
    assert told(mark(110), fill(quantity="3", side="sell")).since == -30
    assert told(mark(110), fill(quantity="3", inverse=True)).since == 0
    assert told(mark(110), fill(quantity="3", venue="bybit")).since == 30, "the mark of any venue serves"
    assert told(mark(110, venue="bybit"), fill(quantity="3", venue="bybit")).since == 30
    assert told(mark(110, venue="bybit"), fill(quantity="3")).since == 0, "another's does not"


@pytest.mark.parametrize(("fee", "since"), [("0.5", "-0.5"), (None, "0"), ("-0.2", "0.2")])
def test_a_fee_is_paid_once(fee, since):
    assert told(fill(fee=fee), fill(fee=fee)).since == D(since)


def test_a_fill_is_known_by_venue_account_and_id():
    names = [{}, {"venue": "bybit"}, {"account": "a"}, {"venue": "bybit", "account": "a"}, {"account": "b"}]
    state = told(*(fill(**n) for n in names), *(fill(**n) for n in names))
    assert state.positions == {("", "BTC", ""): 3, ("bybit", "BTC", ""): 2}
    assert state.knows_fill({"id": "f1", "account": "b"})
    assert not state.knows_fill({"id": "f1", "account": "c"})


def test_a_position_that_fills_to_nothing_is_gone():
    assert told(fill(), fill("f2", side="sell")).positions == {}


SENT = {"type": "order_submitted", "client_id": "a", "stage": "live", "order_id": "o1"}


@pytest.mark.parametrize(("named", "left"), [({"client_id": "a"}, 2), ({"order_id": "o1"}, 2), ({}, 3)])
def test_a_fill_takes_its_own_off_what_works(named, left):
    state = told(approved("a", quantity="3"), SENT, fill(**named))
    assert [r.resting.remaining for r in state.reservations.all()] == [left]


def test_no_fill_is_forgotten_and_the_oldest_client_ids_go_first():
    state = DeskState(fills=dict.fromkeys(f"//{n}" for n in range(200_000)))
    assert told(fill("new"), state=state).knows_fill({"id": "0"})
    assert len(state.fills) == 200_001
    state = DeskState(used=dict.fromkeys(f"c{n}" for n in range(MAX_USED_IDS - 1)))
    assert "c0" in told(approved("d1"), state=state).used
    assert "c0" not in told(approved("d2"), state=state).used
    assert "c1" in state.used
    assert MAX_USED_IDS == 10_000, "as the documents say"


# ---------------------------------------------------------------- orders


def test_orders_of_the_last_minute_by_venue_and_symbol():
    late = NOON + WINDOW_MS
    state = told(
        approved("a", NOON), approved("b", NOON + 1), approved("c", NOON, symbol="ETH"), approved("d", late)
    )
    assert state.recent == {("", "BTC"): [NOON + 1, late], ("", "ETH"): [NOON]}


def test_stages_and_releases():
    state = told(approved("a"), SENT)
    assert [(r.stage, r.order_id) for r in state.reservations.all()] == [(Stage.LIVE, "o1")]
    assert len(told({"type": "order_submitted", "client_id": "a"}, state=state).reservations) == 1
    assert len(told({"type": "order_cancelled", "order_id": "o8"}, state=state).reservations) == 1
    assert len(told({"type": "order_cancelled", "order_id": "o1"}, state=state).reservations) == 0
    assert len(told({"type": "reservation_released", "client_id": "b"}, approved("b")).reservations) == 1
    assert len(told(approved("b"), {"type": "reservation_released", "client_id": "b"}).reservations) == 0


# ---------------------------------------------------------------- results


@pytest.mark.parametrize(("results", "losses"), [
    ((-1,), 1), ((-1, "-0.01"), 2), ((-1, 0), 1), ((-1, -1, "0.01"), 0), ((-1, 1), 0), ((0,), 0),
])  # fmt: skip
def test_losses_in_a_row(results, losses):
    assert told(*map(trade, results)).losses == losses


def test_a_result_counts_unless_it_says_otherwise():
    assert told(trade(5)).since == 5
    assert told(trade(5, counts=True)).since == 5
    assert told(trade(5, counts=False)).since == 0, "its fills were counted"


@pytest.mark.parametrize(("age", "losses"), [(0, 1), (300_000, 1), (300_001, 0), (900_000, 0)])
def test_fees_of_another_asset_turn_a_profit_into_a_loss_while_their_rate_is_young(age, losses):
    rate = {"type": "rate", "asset": "BNB", "rate": "600", "at_ms": NOON - age}
    assert told(rate, trade(5, fees={"BNB": "0.01"})).losses == losses
    assert told(rate, trade(7, fees={"BNB": "0.01"})).losses == 0


def test_a_rate_counts_what_waited_for_it():
    state = told(trade(2, asset="BTC"))
    assert (state.since, state.unvalued) == (0, {"BTC": 2})
    assert told({"type": "rate", "asset": "ETH", "rate": "5"}, state=state).unvalued == {"BTC": 2}
    told({"type": "rate", "asset": "BTC", "rate": "100"}, state=state)
    assert (state.since, state.unvalued) == (200, {})
    assert told(MONEY, state=told(trade(2, asset="BTC"))).unvalued == {}, "the venue's equity has it"


def test_errors_and_what_ends_them():
    error = {"type": "error", "counted": True}
    assert told(error, error, {"type": "error", "counted": False}).errors == 2
    assert told(error, {"type": "success"}).errors == 0
    tripped = {"type": "circuit_breaker_tripped", "cause": "manual", "reason": "looked wrong"}
    state = told(error, trade(-1), tripped)
    assert (state.breaker.tripped, state.breaker.at_ms, state.errors, state.losses) == (True, NOON, 1, 1)
    told({"type": "breaker_reset"}, state=state)
    assert (state.breaker.tripped, state.errors, state.losses) == (False, 0, 0)


# ---------------------------------------------------------------- what does not add up


def test_reconciling_takes_the_venues_word():
    doubt = {"type": "position_inconsistent", "symbol": "BTC", "reason": "a fill is missing"}
    state = told(fill(), doubt)
    assert state.inconsistent == {("", "BTC", ""): "a fill is missing"}
    assert told({"type": "reconciled"}, state=state).inconsistent, "nothing was adopted"
    assert told({"type": "reconciled", "adopted": None}, state=state).inconsistent
    assert told(adopted("2.5"), state=state).positions == {("", "BTC", ""): D("2.5")}
    assert state.inconsistent == {}
    assert told(adopted(0), state=state).positions == {}


# ---------------------------------------------------------------- days, rates, settlement


@pytest.mark.parametrize(("at", "day"), [
    (0, "1970-01-01"), (86_399_999, "1970-01-01"), (86_400_000, "1970-01-02"), (NOON, "2027-01-15"),
])  # fmt: skip
def test_the_day_is_that_of_utc(at, day):
    assert utc_day(at) == day


def test_the_days_profit_needs_an_equity_and_a_start():
    assert told(MONEY).day_pnl is None
    assert told({"type": "day_started", "day": "2027-01-15", "equity": "990"}).day_pnl is None
    assert WINDOW_MS == 60_000, "a minute"


@pytest.mark.parametrize(("age", "worth"), [(0, 200), (300_000, 200), (300_001, 0)])
def test_a_profit_is_valued_while_the_rate_is_young(age, worth):
    state = told({"type": "rate", "asset": "BTC", "rate": "100", "at_ms": NOON - age}, trade(2, asset="BTC"))
    assert (state.since, state.unvalued) == (worth, {} if worth else {"BTC": 2})


@pytest.mark.parametrize("side", ["", "long"])
def test_what_a_line_settles_in_is_said_by_its_fills(side):
    """By venue and symbol: for both sides of a hedge, and for no other venue."""
    coin = fill(settle="BTC", venue="bybit", position_side=side, quantity="2")
    state = told(coin, mark(100, venue="bybit"), mark(110, venue="bybit"))
    assert state.contracts.settles == {("bybit", "BTC"): "BTC"}
    assert (state.since, state.unvalued) == (0, {"BTC": 20})
    assert told(fill(venue="bingx"), mark(100), mark(110), state=state).since == 10


def test_a_record_gives_the_state_back():
    state = DeskState()
    assert apply(state, {"type": "success", "desk": True}) is state
