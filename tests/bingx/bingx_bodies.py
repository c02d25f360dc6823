"""BingX's swap `data` objects, made from a few plain decimals."""

from typing import Any

from solvent.margin.bingx import BingxRules
from solvent.margin.evaluate import Evaluation, evaluate
from solvent.venues.bingx.bundle import read


def position(
    symbol: str = "BTC-USDT",
    *,
    amount: str = "2",
    side: str = "LONG",
    entry: str = "100",
    mark: str = "110",
    leverage: int | None = 10,
    isolated: bool = False,
    **more: Any,
) -> dict[str, Any]:
    made = {
        "symbol": symbol,
        "positionSide": side,
        "isolated": isolated,
        "positionAmt": amount,
        "avgPrice": entry,
        "markPrice": mark,
        **more,
    }
    return made if leverage is None else made | {"leverage": leverage}


def tier(lower: str, upper: str, rate: str, amount: str = "0") -> dict[str, Any]:
    return {"minPositionVal": lower, "maxPositionVal": upper, "maintMarginRatio": rate, "maintAmount": amount}


TIERS = [tier("0", "1000", "0.01"), tier("1000", "3000", "0.02", "10")]


def bundle(*positions: dict[str, Any], symbols: tuple[str, ...] = ("BTC-USDT",), **parts: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "positions": list(positions),
        "balance": [{"asset": "USDT", "balance": "1000", "freezedMargin": "0"}],
        "maintMarginRatio": dict.fromkeys(symbols, TIERS),
        "contracts": [{"symbol": symbol, "takerFeeRate": "0.0005"} for symbol in symbols],
        "positionSide": {"dualSidePosition": "false"},
    }
    return {name: body for name, body in (made | parts).items() if body is not None}


def judged(body: dict[str, Any]) -> Evaluation:
    return evaluate(BingxRules(read(body)))
