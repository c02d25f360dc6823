"""Tiny constructors of accounts and pools, and random ones for Hypothesis."""

from fractions import Fraction as F  # noqa: N817

from hypothesis import strategies as st

from solvent.core.account import Level, Mode
from solvent.core.numbers import decimal_of, text, truncate
from solvent.core.tiers import continuous_tiers
from solvent.margin.pool import Exposure, MarginPool
from solvent.margin.schedule import Piece, Schedule, flat, tiered

NOW = 1_760_000_000_000

# ---------------------------------------------------------------- pools, as the algebra sees them


def exposure(name, size, price, maintenance, initial=None, underlying=None, side=""):
    """An exposure; a plain number as schedule means one rate."""
    return Exposure(
        key=f"{name}{side}",
        instrument=name,
        underlying=underlying or name,
        size=F(size),
        price=F(price),
        initial=initial if isinstance(initial, Schedule) or initial is None else flat(F(initial)),
        maintenance=maintenance if isinstance(maintenance, Schedule) else flat(F(maintenance)),
    )


def pool(cash, *exposures, **more):
    return MarginPool(name="cross", mode=Mode.CROSS, cash=F(cash), exposures=exposures, **more)


def tiers(*rows):
    """(lower bound, maximum leverage) rows as a maintenance schedule."""
    return tiered(continuous_tiers([(F(low), F(1, 2 * most), F(most)) for low, most in rows]))


positive = st.integers(1, 10**7).map(lambda n: F(n, 100))
signed = st.builds(lambda n, short: -n if short else n, positive, st.booleans())


@st.composite
def schedules(draw, shifted=False):
    """One to six tiers; rates in any order, so not always convex; with `shifted` not always continuous."""
    bounds = draw(st.lists(st.integers(1, 10**6), max_size=5, unique=True))
    rows = [(F(b), F(draw(st.integers(1, 99)), 200), None) for b in [0, *bounds]]
    made = tiered(continuous_tiers(rows))
    if shifted and draw(st.booleans()):
        made = made.shifted(F(draw(st.integers(0, 10**5))))
    if shifted and draw(st.booleans()):
        made = made.plus(F(draw(st.integers(0, 10**4))))
    if shifted and draw(st.booleans()):
        step = F(draw(st.integers(-500, 500)))
        made = Schedule((*made.pieces[:-1], Piece(made.pieces[-1].lower, made.pieces[-1].rate, step)))
    return made


@st.composite
def pools(draw, most=30, shifted=True, bonus=True):
    """One to thirty exposures on few instruments and underlyings, long and short, rich or bankrupt."""
    count = draw(st.integers(1, most))
    marks = {name: draw(positive) for name in "ABCDEFGH"[: draw(st.integers(1, 8))]}
    made = []
    for number in range(count):
        name = draw(st.sampled_from(sorted(marks)))
        made.append(
            Exposure(
                key=f"{name}{number}",
                instrument=name,
                underlying="XY"[ord(name) % 2],
                size=draw(signed) / 100,
                price=marks[name],
                initial=draw(schedules()),
                maintenance=draw(schedules(shifted)),
            )
        )
    given = {}
    if bonus and draw(st.booleans()):
        given = {
            level: {e.key: abs(e.size) * F(draw(st.integers(0, 30)), 100) for e in made[:2]} for level in Level
        }
    at_stake = sum(abs(e.value) for e in made)
    cash = at_stake * F(draw(st.integers(-40, 60)), 20) - sum(e.value for e in made) * draw(st.integers(0, 1))
    return MarginPool(name="cross", mode=Mode.CROSS, cash=cash, exposures=tuple(made), bonus=given)


# ---------------------------------------------------------------- Hyperliquid bundles


def dec(value, places=18):
    """A number as the venue prints it."""
    return text(decimal_of(F(value), places))


def held(coin, size, mark, *, entry=None, leverage=10, most=40, equity=None, liquidation=None, **more):
    """A row of assetPositions; with `equity` it is isolated and that is the pocket's equity."""
    size, mark = F(str(size)), F(str(mark))
    entry = mark if entry is None else F(str(entry))
    setting = {"type": "cross" if equity is None else "isolated", "value": leverage}
    used = truncate(abs(size) * mark / leverage, 6)
    if equity is not None:
        used = F(str(equity))
        setting["rawUsd"] = dec(used - size * mark)
    row = {
        "coin": coin,
        "szi": dec(size),
        "entryPx": dec(entry),
        "positionValue": dec(abs(size) * mark),
        "unrealizedPnl": dec(size * (mark - entry)),
        "leverage": setting,
        "maxLeverage": most,
        "marginUsed": dec(used),
        "liquidationPx": None if liquidation is None else str(liquidation),
    }
    row = {name: value for name, value in {**row, **more}.items() if value is not DROP}
    return {"type": "oneWay", "position": row}


DROP = object()


def state(*rows, equity=1000, withdrawable=None, **more):
    """A clearinghouseState whose cross pool has this equity."""
    cross = [r["position"] for r in rows if r["position"]["leverage"]["type"] == "cross"]
    isolated = [r["position"] for r in rows if r["position"]["leverage"]["type"] == "isolated"]
    equity = F(str(equity))

    def summary(ps, worth):
        ntl = sum((F(p["positionValue"]) for p in ps), F(0))
        signed = sum((F(p["positionValue"]) * (1 if F(p["szi"]) > 0 else -1) for p in ps), F(0))
        return {
            "accountValue": dec(worth),
            "totalNtlPos": dec(ntl),
            "totalRawUsd": dec(worth - signed),
            "totalMarginUsed": dec(sum((F(p["marginUsed"]) for p in ps), F(0))),
        }

    pockets = sum((F(p["marginUsed"]) for p in isolated), F(0))
    body = {
        "marginSummary": summary(cross + isolated, equity + pockets),
        "crossMarginSummary": summary(cross, equity),
        "withdrawable": dec(max(equity, F(0))) if withdrawable is None else withdrawable,
        "assetPositions": list(rows),
        "time": NOW,
    }
    return {name: value for name, value in {**body, **more}.items() if value is not DROP}


def meta(*assets, tables=None, contexts=None):
    """(name, szDecimals, maxLeverage, marginTableId, further keys) rows and {table id: [(bound, leverage)]}."""
    universe = [
        {
            "name": a[0],
            "szDecimals": a[1],
            "maxLeverage": a[2],
            "marginTableId": a[3],
            **(a[4] if len(a) > 4 else {}),
        }
        for a in assets
    ]
    listed = [
        [number, {"description": "", "marginTiers": [{"lowerBound": dec(b), "maxLeverage": m} for b, m in rows]}]
        for number, rows in (tables or {}).items()
    ]
    body = {"universe": universe, "marginTables": listed}
    return body if contexts is None else [body, [{"markPx": None if c is None else dec(c)} for c in contexts]]


MAJOR = {56: [(0, 40), (150_000_000, 20)], 52: [(0, 10), (20_000_000, 5)], 54: [(0, 20), (70_000_000, 10)]}


def bundle(*rows, equity=1000, more_state=None, **parts):
    """A bundle of a standard account without resting orders; `parts` add, replace or DROP its parts."""
    body = {
        "clearinghouseState": state(*rows, equity=equity, **(more_state or {})),
        "userAbstraction": "disabled",
        "openOrders": [],
    }
    return {name: value for name, value in {**body, **parts}.items() if value is not DROP}


COINS = ("AAA", "BBB", "CCC", "DDD")


@st.composite
def accounts(draw, most=4, orders=False):
    """A Hyperliquid bundle: up to four coins with tiers and marks, some held, cross or isolated."""
    tables = {}
    marks = []
    for number, _ in enumerate(COINS):
        levels = sorted(draw(st.sets(st.sampled_from([50, 40, 25, 20, 10, 5, 3]), min_size=1, max_size=3)))[::-1]
        bounds = [0, *sorted(draw(st.sets(st.sampled_from([2_000, 20_000, 150_000]), min_size=2, max_size=2)))]
        tables[60 + number] = list(zip(bounds, levels, strict=False))
        marks.append(F(draw(st.integers(100, 500_000)), 100))
    rows = []
    for number, coin in enumerate(COINS[:most]):
        kind = draw(st.sampled_from(["flat", "cross", "cross", "isolated"]))
        size = F(draw(st.integers(1, 20_000)), 100) * draw(st.sampled_from([1, -1]))
        top = tables[60 + number][0][1]
        ntl = abs(size) * marks[number]
        allowed = [m for b, m in tables[60 + number] if b <= ntl][-1]
        leverage = draw(st.integers(1, allowed))
        entry = marks[number] * F(draw(st.integers(60, 140)), 100)
        if kind != "flat":
            pocket = None if kind == "cross" else dec(ntl * F(draw(st.integers(30, 900)), 1000))
            rows.append(held(coin, size, marks[number], entry=entry, leverage=leverage, most=top, equity=pocket))
    cross = [F(r["position"]["positionValue"]) for r in rows if r["position"]["leverage"]["type"] == "cross"]
    equity = dec(sum(cross, F(100)) * F(draw(st.integers(-20, 1500)), 1000) + draw(st.integers(0, 20_000)))
    resting = []
    for _ in range(draw(st.integers(0, 3)) if orders else 0):
        at = draw(st.integers(0, len(COINS) - 1))
        resting.append(
            {
                "coin": COINS[at],
                "side": draw(st.sampled_from("AB")),
                "limitPx": dec(marks[at] * F(draw(st.integers(90, 110)), 100)),
                "sz": dec(F(draw(st.integers(1, 10_000)), 100)),
                "reduceOnly": draw(st.sampled_from([False, False, True])),
            }
        )
    active = [
        {"params": {"coin": c}, "body": {"coin": c, "leverage": {"type": "cross", "value": 2}}} for c in COINS
    ]
    assets = [(c, 2, tables[60 + n][0][1], 60 + n) for n, c in enumerate(COINS)]
    return bundle(
        *rows,
        equity=equity,
        metaAndAssetCtxs=meta(*assets, tables=tables, contexts=marks),
        openOrders=resting,
        activeAssetData=active,
    )
