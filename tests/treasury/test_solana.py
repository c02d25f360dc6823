"""USDC on Solana, against a local server that speaks the node's own JSON-RPC."""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal as D  # noqa: N817

import pytest
from aiohttp import web

from solvent.core.errors import BadInput
from solvent.runtime.sources import SolanaSource
from solvent.venues.failures import Retryable, Terminal
from solvent.venues.solana import USDC_MINT, SolanaClient

OWNER = "A1TMhSGzQxMr1TboBKtgixKz1sS6REASMxPo1qsyTSJd"
PROGRAM = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"


def held(units, *, pubkey="C2gJg6tKpQs41PRS1nC8aw3ZKNZK3HQQZGVrDFDup5nx", state="initialized", mint=USDC_MINT):
    return {
        "account": {
            "data": {
                "parsed": {
                    "info": {
                        "isNative": False,
                        "mint": mint,
                        "owner": OWNER,
                        "state": state,
                        "tokenAmount": {
                            "amount": units,
                            "decimals": 6,
                            "uiAmount": int(units) / 1e6,
                            "uiAmountString": str(D(units) / 10**6),
                        },
                    },
                    "type": "account",
                },
                "program": "spl-token",
                "space": 165,
            },
            "executable": False,
            "lamports": 2039280,
            "owner": PROGRAM,
            "rentEpoch": 18446744073709551615,
            "space": 165,
        },
        "pubkey": pubkey,
    }


def answer(*rows):
    return {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {"context": {"apiVersion": "2.0.15", "slot": 341197933}, "value": list(rows)},
    }


def refusal(code, message):
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}


@asynccontextmanager
async def node(*answers):
    """A node that gives these answers in turn (body or (status, body)), the last one for ever."""
    asked = []
    left = list(answers)

    async def handle(request):
        asked.append((request.path_qs, await request.json()))
        said = left.pop(0) if len(left) > 1 else left[0]
        status, body = said if isinstance(said, tuple) else (200, said)
        return (
            web.Response(text=body, status=status)
            if isinstance(body, str)
            else web.json_response(body, status=status)
        )

    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}", asked
    finally:
        await runner.cleanup()


def balance(*answers, path="/", **options):
    async def work():
        async with node(*answers) as (url, asked), SolanaClient(url + path, **options) as client:
            return await client.token_balance(OWNER), asked

    return asyncio.run(work())


def test_all_token_accounts_of_the_owner_are_summed_exactly():
    found, asked = balance(
        answer(held("123456789"), held("1", pubkey="D" * 43), held("9007199254740993000000", pubkey="E" * 43))
    )
    assert found.amount == D("9007199254741116.456790")
    assert (found.frozen, found.accounts, found.slot) == (0, 3, 341197933)
    path, body = asked[0]
    assert path == "/"
    assert body["method"] == "getTokenAccountsByOwner"
    assert body["params"] == [OWNER, {"mint": USDC_MINT}, {"encoding": "jsonParsed", "commitment": "finalized"}]


def test_no_account_is_zero_and_a_frozen_one_is_told_apart():
    assert balance(answer())[0].amount == 0
    found, _ = balance(answer(held("5000000"), held("2000000", pubkey="D" * 43, state="frozen")))
    assert (found.amount, found.frozen) == (7, 2)


def test_the_endpoints_path_and_query_are_kept_and_never_shown():
    found, asked = balance(answer(held("1000000")), path="/rpc?api-key=hidden")
    assert found.amount == 1
    assert asked[0][0] == "/rpc?api-key=hidden"
    with pytest.raises(Terminal) as refused:
        balance(refusal(-32602, "Invalid param: could not find mint"), path="/rpc?api-key=hidden")
    assert "could not find mint" in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_a_node_that_is_behind_is_asked_again():
    behind = refusal(-32005, "Node is behind by 42 slots")
    found, asked = balance(behind, (503, "<html>busy</html>"), answer(held("1000000")))
    assert found.amount == 1
    assert len(asked) == 3


def test_a_node_that_stays_behind_is_an_error_in_its_own_words():
    with pytest.raises(Retryable, match="behind by 42"):
        balance(refusal(-32005, "Node is behind by 42 slots"), deadline_s=0.5)


ODD = [
    "not json",
    [],
    {"jsonrpc": "2.0", "id": 1},
    {"result": None},
    answer(held("1", mint="So11111111111111111111111111111111111111112")),
    answer(held("1"), held("1")),
    answer({"pubkey": "x", "account": {"data": ["AAAA", "base64"]}}),
]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_an_answer_that_cannot_be_understood_is_no_balance(odd):
    with pytest.raises((BadInput, Retryable)):
        balance(odd, deadline_s=0.5)


@pytest.mark.parametrize("units", ["-1", "1.5", "1e9", "", "9" * 70])
def test_an_amount_that_is_no_whole_number_is_refused(units):
    row = held("1")
    row["account"]["data"]["parsed"]["info"]["tokenAmount"]["amount"] = units
    with pytest.raises(BadInput):
        balance(answer(row))


def test_addresses_are_checked_before_anything_is_sent():
    async def work(owner, endpoint):
        async with SolanaClient(endpoint) as client:
            await client.token_balance(owner)

    for owner in ("", "0x" + "1" * 40, OWNER + "l"):
        with pytest.raises(BadInput, match="owner"):
            asyncio.run(work(owner, "http://127.0.0.1:1"))
    for endpoint in ("", "http://example.org", "https://user:hidden@example.org", "ftp://x"):
        with pytest.raises(BadInput) as refused:
            asyncio.run(work(OWNER, endpoint))
        assert "hidden" not in str(refused.value)


def test_the_wallet_is_a_source_of_the_treasury():
    async def work():
        async with node(answer(held("2500000"), held("1000000", pubkey="D" * 43, state="frozen"))) as (url, _):
            source = SolanaSource(url, OWNER, clock=lambda: 7)
            found = await source.read(None)
            await source.close()
        return found

    found = asyncio.run(work())
    made = found.balance
    assert (made.chain, made.account, made.usdc_balance, made.available) == ("solana", OWNER, D("3.5"), D("2.5"))
    assert (made.as_of, made.source, found.made) == (7, "json-rpc", None)
