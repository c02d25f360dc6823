"""Bybit's V5 result objects, made from a few plain decimals."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from solvent.margin.bybit import BybitRules
from solvent.margin.evaluate import Evaluation, evaluate
from solvent.venues.bybit.bundle import read


def position(
    symbol: str = "BTCUSDT",
    *,
    size: str = "2",
    side: str = "Buy",
    entry: str = "100",
    mark: str = "110",
    leverage: str = "10",
    idx: int = 0,
    **more: Any,
) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "positionIdx": idx,
        "side": side,
        "size": size,
        "avgPrice": entry,
        "markPrice": mark,
        "leverage": leverage,
        **more,
    }


def risk_limit(
    limit: str, rate: str, deduction: str = "", *, number: int = 1, lowest: int = 1, symbol: str = "BTCUSDT"
) -> dict[str, Any]:
    """A row whose initial margin is twice its maintenance margin, as on the venue."""
    return {
        "id": number,
        "symbol": symbol,
        "riskLimitValue": limit,
        "maintenanceMargin": rate,
        "initialMargin": str(2 * Decimal(rate)),
        "maxLeverage": f"{float(1 / (2 * Fraction(rate))):.2f}",
        "isLowestRisk": lowest,
        "mmDeduction": deduction,
    }


TIERS = (risk_limit("1000", "0.01"), risk_limit("3000", "0.02", "10", number=2, lowest=0))


def wallet(
    balance: str = "1000", *, coins: tuple[dict[str, Any], ...] = (), **totals: str
) -> dict[str, list[dict[str, Any]]]:
    return {"list": [{"accountType": "UNIFIED", "totalWalletBalance": balance, "coin": list(coins), **totals}]}


def bundle(
    *positions: dict[str, Any],
    mode: str | None = "REGULAR_MARGIN",
    tiers: tuple[dict[str, Any], ...] | None = TIERS,
    fee: str | None = "0.001",
    symbols: tuple[str, ...] = ("BTCUSDT",),
    cash: dict[str, Any] | None = None,
    **parts: Any,
) -> dict[str, Any]:
    made: dict[str, Any] = {"position-list": {"category": "linear", "list": list(positions)}}
    made["wallet-balance"] = wallet() if cash is None else cash
    if mode is not None:
        made["account-info"] = {"marginMode": mode}
    if tiers is not None:
        made["risk-limit"] = {"category": "linear", "list": list(tiers)}
    if fee is not None:
        made["fee-rate"] = {"list": [{"symbol": s, "takerFeeRate": fee} for s in symbols]}
    return made | parts


def judged(body: dict[str, Any], regime: str | None = None) -> Evaluation:
    return evaluate(BybitRules(read(body, regime=regime)))
