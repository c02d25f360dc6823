"""The part of ccxt (async) and pybit in bench/venues.py. Runs in their environment; imports nothing of ours."""

import asyncio
import json
import sys
import time

SYMBOLS = {"hyperliquid": "BTC/USDC:USDC", "bybit": "BTC/USDT:USDT", "bingx": "BTC/USDT:USDT"}


async def with_ccxt(task):
    import ccxt.async_support as ccxt

    row, venue = task["account"], task["venue"]
    keys = {"apiKey": row.get("api_key"), "secret": row.get("api_secret")}
    if venue == "hyperliquid":
        keys = {"walletAddress": row["address"], "privateKey": row["private_key"]}
    client = getattr(ccxt, venue)({**keys, "enableRateLimit": False, "options": {"defaultType": "swap"}})
    if venue == "hyperliquid":
        client.set_sandbox_mode(True)
        client.options["fetchMarkets"] = {"types": ["swap"]}
    if venue == "bybit":
        client.options["enableUnifiedAccount"] = client.options["enableUnifiedMargin"] = True
        client.has["fetchCurrencies"] = False
        client.options["fetchMarkets"] = {"types": ["linear"]}
    if venue == "bingx":
        client.has["fetchCurrencies"] = False
        client.options["fetchMarkets"] = {"types": ["linear"]}
    client.urls["api"] = redirected(client.urls["api"], task["url"], venue)
    signed = timed_signing(client)
    try:
        await client.load_markets()
        sent = []
        for number in range(task["orders"] + 5):
            began = time.perf_counter()
            order = await client.create_order(SYMBOLS[venue], "limit", "buy", 0.01, 55_000, {"postOnly": True})
            took = time.perf_counter() - began
            if number >= 5:
                sent.append(took)
            await client.cancel_order(order["id"], SYMBOLS[venue])
            await asyncio.sleep(task["gap_s"])
    finally:
        await client.close()
    return {"sent": sent, "signed": signed[5:]}


def redirected(api, url, venue):
    """The same places below the paper venue's URL: only the host changes."""
    if isinstance(api, dict):
        return {name: redirected(place, url, venue) for name, place in api.items()}
    if venue == "bingx":
        return url + "/openApi"
    return url


def timed_signing(client):
    signed, original = [], client.sign

    def sign(path, *how, **more):
        began = time.perf_counter()
        made = original(path, *how, **more)
        if "create" in path or path in ("trade/order", "exchange"):
            signed.append(time.perf_counter() - began)
        return made

    client.sign = sign
    return [] if client.id == "hyperliquid" else signed


def with_pybit(task):
    from pybit.unified_trading import HTTP

    row = task["account"]
    client = HTTP(testnet=True, api_key=row["api_key"], api_secret=row["api_secret"])
    client.endpoint = task["url"]
    sent = []
    for number in range(task["orders"] + 5):
        began = time.perf_counter()
        answer = client.place_order(
            category="linear",
            symbol="BTCUSDT",
            side="Buy",
            orderType="Limit",
            qty="0.01",
            price="55000",
            timeInForce="PostOnly",
        )
        took = time.perf_counter() - began
        if number >= 5:
            sent.append(took)
        client.cancel_order(category="linear", symbol="BTCUSDT", orderId=answer["result"]["orderId"])
        time.sleep(task["gap_s"])
    return {"sent": sent}


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    found = with_pybit(given) if given["client"] == "pybit" else asyncio.run(with_ccxt(given))
    print(json.dumps(found))
