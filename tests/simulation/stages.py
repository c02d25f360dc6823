"""Short plays on a stage of paper venues."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from simulation.stage import Setting, simulate

VENUES = ("hyperliquid", "nado", "bybit", "bingx")
BTC = {"hyperliquid": "BTC", "nado": "BTC-PERP", "bybit": "BTCUSDT", "bingx": "BTC-USDT"}


def staged(play, *venues, seed=1, **setting):
    """Run `play(stage)` and give what it returned."""
    return simulate(play, Setting(seed=seed, venues=venues or VENUES, **setting))


def lived(program, *venues, kill=None, **setting):
    """Run one process, `program(stage, life)`."""

    async def play(stage):
        return await stage.lives.live(lambda life: program(stage, life), kill)

    return staged(play, *venues, **setting)
