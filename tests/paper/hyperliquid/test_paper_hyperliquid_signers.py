"""Who may act: signatures made by the official SDK, nonces, expiries, agents, sub-accounts, limits on requests."""

import json
from pathlib import Path

import pytest
from hyperliquid_paper_kit import Venue, Wallet

from solvent.paper.hyperliquid.actions import read_envelope
from solvent.paper.hyperliquid.signing import USER_TYPES, l1_hashes, signer, user_hash

SIGNED_BY = "0x17c5185167401ed00cf5f5b2fc97d9bbfdb7d025"
"""The address of the key 0x4242...42; the bodies beside this file were signed by the official SDK."""
VECTORS = Path(__file__).with_name("official_signatures.jsonl").read_text().splitlines()


def found(body):
    envelope = read_envelope(body)
    if envelope.kind in USER_TYPES:
        return signer([user_hash(envelope.action)], envelope.signature)
    return signer(l1_hashes(envelope.action, envelope.nonce, envelope.vault, envelope.expires), envelope.signature)


@pytest.mark.parametrize("line", VECTORS)
def test_signatures_of_the_official_sdk_name_their_signer(line):
    body = json.loads(line)
    assert SIGNED_BY in found(body)
    assert SIGNED_BY not in found({**body, "nonce": body["nonce"] + 1}) or body["action"]["type"] in USER_TYPES
    body["action"]["nonce" if body["action"]["type"] in USER_TYPES else "grouping"] = 1
    assert SIGNED_BY not in found(body)


def test_the_venue_hashes_what_it_understood_not_what_was_sent():
    """Other spacing of keys or trailing zeros make another hash for a client that signs them."""
    venue = Venue(7)
    wire = venue.alice.wire("BTC", 1, "0.01")
    good = {"type": "order", "orders": [wire], "grouping": "na"}
    assert venue.alice.act(good)["status"] == "ok"
    turned = {"type": "order", "orders": [dict(reversed(wire.items()))], "grouping": "na"}
    zeros = {"type": "order", "orders": [{**wire, "s": "0.010"}], "grouping": "na"}
    for bad in (turned, zeros):
        answer = venue.alice.act(bad)
        assert answer["status"] == "err"
        assert answer["response"].endswith("does not exist.")


@pytest.fixture
def venue():
    return Venue(7)


def lever(value=3):
    return {"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": value}


def test_strangers_and_broken_signatures(venue):
    stranger = venue.client("0x" + "11" * 32)
    assert stranger.act(lever())["response"] == f"User or API Wallet {stranger.user} does not exist."
    send = {"type": "usdSend", "destination": venue.bob.user, "amount": "1"}
    words = f"Must deposit before performing actions. User: {stranger.user}"
    assert stranger.act(send)["response"] == words
    body = venue.alice.signed(lever())
    body["signature"]["r"] = "0x0"
    assert json.loads(venue.post("/exchange", body).body)["response"] == "Unable to recover signer."


def test_nonces_are_used_once_and_lie_in_their_window(venue):
    now, day = venue.clock.wall, 86_400_000
    assert venue.alice.act(lever(), nonce=now)["status"] == "ok"
    assert venue.alice.act(lever(), nonce=now)["response"] == f"Invalid nonce: duplicate nonce {now}"
    assert venue.bob.act(lever(), nonce=now)["status"] == "ok"
    assert "too low" in venue.alice.act(lever(), nonce=now - 2 * day - 1)["response"]
    assert venue.alice.act(lever(), nonce=now + day)["status"] == "ok"
    assert "too high" in venue.alice.act(lever(), nonce=now + day + 1)["response"]
    for more in range(1, 101):
        assert venue.alice.act(lever(), nonce=now + more)["status"] == "ok"
    assert "too low" in venue.alice.act(lever(), nonce=now - 5)["response"]


def test_wall_time_and_not_market_time_judges_expiry(venue):
    venue.clock.market += 10_000
    late, soon = venue.clock.wall - 1, venue.clock.wall + 1
    assert venue.alice.act(lever(), expires=late)["response"] == "Action already expired"
    assert venue.alice.act(lever(), expires=soon)["status"] == "ok"


def test_an_agent_trades_but_moves_no_money(venue):
    agent = venue.client("0x" + "22" * 32)
    approve = {"type": "approveAgent", "agentAddress": agent.user, "agentName": "bot"}
    assert venue.alice.act(approve)["status"] == "ok"
    assert "filled" in agent.order("BTC", 1, "0.1")
    assert venue.alice.position("BTC")["szi"] == "0.1"
    assert agent.state()["assetPositions"] == []
    assert venue.info("userRole", user=agent.user) == {"role": "agent", "data": {"user": venue.alice.user}}
    send = {"type": "usdSend", "destination": venue.bob.user, "amount": "1"}
    assert "Must deposit" in agent.act(send)["response"]
    other = Wallet.from_key("0x" + "33" * 32).address
    venue.alice.act({"type": "approveAgent", "agentAddress": other, "agentName": "bot"})
    assert "does not exist" in agent.act(lever())["response"]


def test_sub_accounts_are_reached_by_their_master_alone(venue):
    made = venue.alice.act({"type": "createSubAccount", "name": "desk"})["response"]["data"]
    fund = {"type": "subAccountTransfer", "subAccountUser": made, "isDeposit": True, "usd": 5_000_000_000}
    assert venue.alice.act(fund)["status"] == "ok"
    assert "filled" in venue.alice.order("SOL", -1, "10", vault=made)
    (row,) = venue.info("subAccounts", user=venue.alice.user)
    assert row["clearinghouseState"]["assetPositions"][0]["position"]["szi"] == "-10.0"
    assert venue.alice.state()["assetPositions"] == []
    assert venue.bob.act(lever(), vault=made)["status"] == "err"
    words = f"Vault not registered: {venue.bob.user}"
    assert venue.alice.act(lever(), vault=venue.bob.user)["response"] == words


def test_weights_of_a_minute_are_kept(venue):
    meta = json.dumps({"type": "meta"}).encode()
    statuses = [venue.post("/info", meta).status for _ in range(61)]
    assert statuses == [200] * 60 + [429]
    light = {"type": "clearinghouseState", "user": venue.alice.user}
    assert venue.post("/info", light).status == 429
    assert venue.post("/exchange", venue.alice.signed(lever(7))).status == 429
    assert not venue.served.exchange.accounts[venue.alice.user].leverage
    assert venue.post("/info", light, **{"x-forwarded-for": "10.0.0.9"}).status == 200
    venue.forward(61)
    assert venue.post("/info", light).status == 200


def test_an_address_that_trades_nothing_runs_out_of_requests(venue):
    usage = venue.served.users
    account = venue.exchange.accounts[venue.alice.user]
    assert usage.too_many(account, 9_999, cancels=False, now=0) is None
    assert venue.alice.act(lever())["status"] == "ok"
    assert venue.alice.act(lever())["status"] == "ok"  # one in ten seconds
    answer = venue.alice.act(lever())["response"]
    assert answer.startswith(
        "Too many cumulative requests sent (10002 > 10000) for cumulative volume traded $0.00."
    )
    venue.forward(11)
    assert venue.alice.order("BTC", 1, "0.1")["filled"]
    assert venue.info("userRateLimit", user=venue.alice.user)["nRequestsCap"] > 16_000
    assert venue.alice.act(lever())["status"] == "ok"
