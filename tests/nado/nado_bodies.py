"""Bodies as Nado's engine and indexer send them, made from a few plain decimals."""

from decimal import Decimal
from typing import Any

SUBACCOUNT = "0x" + "5e" * 20 + "64656661756c740000000000"
ALTCOIN = ("0.9", "0.95", "1.1", "1.05")
WHOLE = ("1", "1", "1", "1")
ZERO_HEALTH = ("0", "0", "2", "2")


def x18(value: Decimal | str | int) -> str:
    return str(int(Decimal(value).scaleb(18)))


def product(product_id: int, price: str, weights: tuple[str, ...] = ALTCOIN) -> dict[str, Any]:
    names = ("long_weight_initial", "long_weight_maintenance", "short_weight_initial", "short_weight_maintenance")
    risk = {f"{name}_x18": x18(weight) for name, weight in zip(names, weights, strict=True)}
    return {"product_id": product_id, "oracle_price_x18": x18(price), "risk": risk}


def spot_balance(product_id: int, amount: str) -> dict[str, Any]:
    return {"product_id": product_id, "balance": {"amount": x18(amount)}}


def perp_balance(product_id: int, amount: str, v_quote: str = "0") -> dict[str, Any]:
    return {"product_id": product_id, "balance": {"amount": x18(amount), "v_quote_balance": x18(v_quote)}}


def info(
    *,
    cash: str = "10000",
    spots: tuple[tuple[Any, ...], ...] = (),
    perps: tuple[tuple[Any, ...], ...] = (),
    healths: tuple[str, ...] | None = None,
) -> dict[str, Any]:
    """`spots`: (id, amount, price[, weights]); `perps`: (id, amount, v_quote, price[, weights])."""
    body = {
        "subaccount": SUBACCOUNT,
        "spot_balances": [spot_balance(0, cash), *(spot_balance(s[0], s[1]) for s in spots)],
        "spot_products": [product(0, "1", WHOLE), *(product(s[0], *s[2:]) for s in spots)],
        "perp_balances": [perp_balance(*p[:3]) for p in perps],
        "perp_products": [product(p[0], *p[3:]) for p in perps],
    }
    if healths is not None:
        body["healths"] = [{"assets": "0", "liabilities": "0", "health": x18(h)} for h in healths]
    return body


def isolated(
    amount: str, v_quote: str, margin: str, price: str, product_id: int = 4, weights: tuple[str, ...] = ALTCOIN
) -> dict[str, Any]:
    return {
        "subaccount": "0x" + "5e" * 20 + f"{product_id:012x}".rjust(18, "0") + "69736f",
        "quote_balance": spot_balance(0, margin),
        "base_balance": perp_balance(product_id, amount, v_quote),
        "quote_product": product(0, "1", WHOLE),
        "base_product": product(product_id, price, weights),
    }


def event(product_id: int, net_entry: Any, *, is_isolated: bool = False) -> dict[str, Any]:
    return {"product_id": product_id, "isolated": is_isolated, "net_entry_unrealized": net_entry}
