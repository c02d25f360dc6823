"""Every formula by its id. The manual in docs/spec has a section and a worked number for each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Formula:
    """`expression` in plain text; `source` with the date on which it was read or measured."""

    id: str
    expression: str
    source: str


def _table(source: str, rows: Iterable[tuple[str, str]]) -> dict[str, Formula]:
    return {name: Formula(name, expression, source) for name, expression in rows}


_ALGEBRA = _table(
    "the algebra of margin pools: docs/spec/algebra.md",
    [
        ("ALG-CASH", "cash = the pool's signed ledger, as the venue states it"),
        ("ALG-EQUITY", "equity = cash + sum of size * price"),
        ("ALG-NOTIONAL", "notional = |size| * price"),
        ("ALG-PNL", "unrealized pnl = size * (price - entry)"),
        ("ALG-TIER", "requirement = rate_j * notional - deduction_j, deductions making it continuous"),
        ("ALG-REQ", "requirement = sum of the positions' requirements - bonus + resting orders"),
        ("ALG-FREE", "free margin = equity - initial requirement"),
        ("ALG-REMOVABLE", "removable = max(0, isolated equity - initial requirement)"),
        ("ALG-MAX", "largest order: the highest size at which initial excess after the fill is not negative"),
        ("ALG-USAGE", "usage = maintenance requirement / equity"),
        ("ALG-EXCESS", "excess = equity - requirement"),
        (
            "ALG-LIQ",
            "liquidation price: maintenance excess = intercept + slope * price = 0 on the segment in force",
        ),
    ],
)

_HYPERLIQUID = _table(
    "Hyperliquid docs (margining, margin tiers, liquidations), checked on recorded bodies of 2023 to 2026; "
    "docs/spec/hyperliquid.md",
    [
        ("HL-IM", "initial = |size| * mark / leverage, truncated to 6 decimals"),
        (
            "HL-MM",
            "maintenance = notional / (2 * maxLeverage_j) - deduction_j, truncated to 6 decimals",
        ),
        ("HL-MM-ACCOUNT", "maintenance of the account = cross maintenance + that of each isolated position"),
        ("HL-USED", "margin used = initial (cross), or the pocket's equity rawUsd + size * mark (isolated)"),
        ("HL-AV", "account value = sum over pools of cash + size * mark"),
        ("HL-CASH", "totalRawUsd = cross cash + rawUsd of each isolated position"),
        ("HL-TMU", "total margin used = cross initial margins + isolated equities"),
        ("HL-FREE", "free margin = account value - total margin used"),
        ("HL-XFER", "transfer requirement = max(initial + resting orders, 10 % of notional)"),
        ("HL-WD", "withdrawable = max(0, cross equity - transfer requirement)"),
        ("HL-ORDER", "resting orders hold |size beyond what closes the position| * limit price / leverage"),
        (
            "HL-REMOVABLE",
            "removable = max(0, isolated equity - max(initial, 10 % of notional)); 0 where strictIsolated",
        ),
        (
            "HL-LIQ",
            "liquidation price: equity = maintenance, others fixed, tier taken at the liquidation notional",
        ),
        ("HL-BACKSTOP", "backstop price: equity = 2/3 of maintenance"),
        ("HL-OUTSIDE", "collateral outside the body = what its liquidation prices imply, where two agree to 1e-6"),
        ("HL-ENTRY", "entryPx = exact average entry, truncated to 6 - szDecimals decimals"),
        ("HL-ROE", "return on equity = unrealized pnl * leverage / |entry notional| (2023: mark notional)"),
        ("HL-LEV", "effective leverage = notional / account value"),
        ("HL-USAGE", "margin usage = total margin used / account value"),
        ("HL-CROSS-RATIO", "cross margin ratio = cross maintenance / cross account value"),
        (
            "HL-MANIPULATION",
            "a liquidated position shows a loss against entry, or 18.3 % against the last margin transfer (20x)",
        ),
    ],
)

_NADO = _table(
    "Nado contracts (release 1.1.0, 2026-03-26) and web app (2026-04-27); docs/spec/nado.md",
    [
        (
            "NADO-HEALTH",
            "health = sum over balances of v_quote + amount * weight * price + spread bonus, x18 integers",
        ),
        ("NADO-IM", "initial requirement of a position = |amount| * price * |1 - initial weight of its side|"),
        ("NADO-MM", "maintenance requirement = |amount| * price * |1 - maintenance weight of its side|"),
        (
            "NADO-SPREAD",
            "bonus = min(|spot|, |perp|) * (spot price + perp price) * (spread weight - mean long weight)",
        ),
        ("NADO-VALUE", "portfolio value = unweighted health + net margin of each isolated position"),
        ("NADO-MARGIN", "requirement of the account = unweighted health - health of the level"),
        ("NADO-FREE", "free margin = initial health (funds available = max(0, it))"),
        ("NADO-WD", "withdrawable = max(0, initial health), borrowing allowed"),
        ("NADO-USAGE", "usage = clamp((U' - H') / U', 0, 1), zero-health products left out of U'"),
        ("NADO-LEV", "leverage = notional of all but quote and zero-health products / U'"),
        ("NADO-LIQ", "liquidation price: maintenance health = 0, others fixed, the pair's bonus moving along"),
        ("NADO-NET", "net margin = quote amount + amount * price + v_quote"),
        ("NADO-SPOT", "deposits and borrows = sums of positive and negative amount * price over spot balances"),
        (
            "NADO-PNL",
            "est. pnl = amount * price - net_entry_unrealized; average entry = |net_entry_unrealized / amount|",
        ),
    ],
)

_BYBIT = _table(
    "Bybit V5 docs (2026-07-24) and help center (2025-09-18), checked on recorded rows; docs/spec/bybit.md",
    [
        ("BYBIT-FEE", "closing fee = size * entry * (1 - side / leverage) * taker fee"),
        (
            "BYBIT-IM",
            "initial = size * price / leverage + closing fee; price is mark (cross), else entry",
        ),
        (
            "BYBIT-MM",
            "maintenance = size * price * mmr - deduction + closing fee; price = mark (entry in the entry regime)",
        ),
        ("BYBIT-TIER", "tier by position + resting order value; riskLimitValue is its upper bound"),
        ("BYBIT-HEDGE", "the hedged part of a pair asks closing fees only"),
        ("BYBIT-EQUITY", "margin balance = wallet balance + unrealized pnl of perpetuals"),
        ("BYBIT-RATE", "account rate = margin / margin balance, truncated to 4 decimals"),
        ("BYBIT-FREE", "available = margin balance - initial margin"),
        ("BYBIT-LEV", "effective leverage = notional / margin balance"),
        ("BYBIT-LIQ-ISO", "isolated liquidation price: collateral + size * (price - entry) = maintenance"),
        (
            "BYBIT-LIQ-CROSS",
            "cross liquidation price = mark - side * (margin balance - maintenance) / size, maintenance held",
        ),
    ],
)

_BINGX = _table(
    "BingX docs (2026-04-21) and help pages, checked on recorded rows; docs/spec/bingx.md",
    [
        ("BINGX-IM", "initial = size * entry / leverage"),
        ("BINGX-MM", "maintenance = notional * maintMarginRatio - maintAmount"),
        ("BINGX-USED", "margin = initial + added margin + unrealized pnl"),
        ("BINGX-PNLR", "pnl ratio = unrealized pnl / initial"),
        ("BINGX-EQUITY", "equity = wallet balance + unrealized pnl"),
        ("BINGX-FREE", "free = cross equity - initial - frozen; withdrawable leaves open profit out too"),
        ("BINGX-LEV", "effective leverage = notional / equity"),
        ("BINGX-USAGE", "usage = margin / equity"),
        (
            "BINGX-LIQ",
            "liquidation price: collateral + size * (price - entry) = maintenance + closing fee; unverified",
        ),
    ],
)

FORMULAS: Mapping[str, Formula] = {**_ALGEBRA, **_HYPERLIQUID, **_NADO, **_BYBIT, **_BINGX}
