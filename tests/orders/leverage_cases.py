"""The cases of leverage by venue, run against paper venues on real sockets: each with the outcome and both states.

Run as a script it writes the table of docs/proofs/leverage.md; the tests hold the page to what the run gives.
"""

from dataclasses import dataclass
from pathlib import Path

from leverage_kit import BTC, PATHS, QUICK, D, at, request

from solvent.core.account import Mode
from solvent.orders.leverage import OpenPositions, Policy, SyncRequest
from solvent.orders.leverage_outcome import state_words
from solvent.runtime.leverage_leg import Patience

PAGE = Path(__file__).resolve().parents[2] / "docs" / "proofs" / "leverage.md"
PARTNER = {"hyperliquid": "bybit", "bybit": "bingx", "bingx": "bybit", "nado": "hyperliquid"}
REFUSED = Policy()
SHORT = Patience(set_s=1.5, restore_s=1.5, settle_s=0.5)


@dataclass(frozen=True)
class Case:
    """`arrange` goes before the plan, `between` after it; both may be None."""

    name: str
    venues: tuple[str, ...] = ("hyperliquid", "bybit", "bingx")
    leverage: str | None = "5"
    size: str = "0.01"
    arrange: object = None
    between: object = None
    policy: Policy = REFUSED
    patience: Patience = QUICK
    mode: Mode | None = None


async def _right(v, name):
    async with v.other(name) as client:
        await client.set_leverage(BTC[name], D(5))


async def _hold(v, name):
    await v.buy(name)


async def _hold_much(v, name):
    await v.buy(name, "3")


async def _hedge(v, name):
    await v.clients[name].set_position_mode("hedge")


def _fault(kind, **more):
    async def plan(v, name):
        transport, inner = PATHS[name]
        v.fault(kind, name, inner if kind.startswith("leverage") else transport, **more)

    return plan


async def _down(v, name):
    v.fault("down", name, left=None)


async def _isolated_bybit(v, name):
    await v.clients[name].set_margin_mode(Mode.ISOLATED)


ALLOWED = Policy(OpenPositions.ALLOWED)
CASES = (
    Case("set"),
    Case("right already, no call", arrange=_right),
    Case("made right meanwhile (not modified)", between=_right),
    Case("beyond the tier of the size", ("hyperliquid",), "25", "3000"),
    Case("beyond the tier of the size", ("bybit",), "125", "10"),
    Case("beyond the cap that is read back", ("bingx",), "150", "100"),
    Case("above the instrument's maximum", leverage="151"),
    Case("the highest that both allow", leverage=None),
    Case("off the step", ("hyperliquid", "bingx"), "4.5"),
    Case("open position, policy refused", arrange=_hold),
    Case("open position, policy allowed", arrange=_hold, policy=ALLOWED),
    Case(
        "open position, liquidation nearer than 90 %",
        arrange=_hold_much,
        policy=Policy(OpenPositions.DISTANCE, D("0.9")),
    ),
    Case(
        "open position, liquidation further than 10 %",
        arrange=_hold_much,
        policy=Policy(OpenPositions.DISTANCE, D("0.1")),
    ),
    Case("hedge mode, both sides", ("bybit", "bingx"), arrange=_hedge),
    Case("margin mode with it", ("hyperliquid", "bingx"), mode=Mode.ISOLATED),
    Case("margin mode of the account", ("bybit",), mode=Mode.ISOLATED),
    Case("change ignored", between=_fault("leverage_ignored")),
    Case("rejected", between=_fault("leverage_rejected")),
    Case("answer lost", between=_fault("lost_answer")),
    Case("request lost", between=_fault("lost_request")),
    Case("asked too often (429)", between=_fault("rate_limited")),
    Case("down before the plan", arrange=_down, patience=SHORT),
    Case("down after the plan", between=_down, patience=SHORT),
    Case("no setting to synchronise", ("nado",)),
    Case("above what its weights allow", ("nado",), "50"),
)


async def one(v, case, name):
    """The result of a case for a venue; the other leg is its partner's."""
    sync = v.sync(patience=case.patience)
    asked = request(name, PARTNER[name], leverage=case.leverage, size=case.size)
    first, second = asked.legs
    if case.mode is not None:
        first = type(first)(venue=first.venue, instrument=first.instrument, size=first.size, mode=case.mode)
    if case.size not in ("0.01",):  # the large size is the case's own leg's
        second = type(second)(venue=second.venue, instrument=second.instrument, size=D("-0.01"))
    asked = SyncRequest(legs=(first, second), leverage=asked.leverage, policy=case.policy)
    await sync.prepare(asked)
    if case.arrange is not None:
        await case.arrange(v, name)
    plan = await sync.plan(asked)
    if case.between is not None:
        await case.between(v, name)
    result = await sync.execute(plan)
    v.calm()
    return result, await v.states(*{n for n in (name, PARTNER[name]) if n != "nado"})


def run(case, name):
    return at(lambda v: one(v, case, name), name, PARTNER[name], seed=41)


def row(case, name, result):
    """One line of the table."""
    leg, other = result.legs

    def shown(found):
        before, final = state_words(found.before), state_words(found.final)
        return before if before == final else f"{before} -> {final}"

    reason = "" if leg.failure is None else str(leg.failure.reason)
    cells = (case.name, name, str(leg.status), reason, shown(leg), f"{other.status}: {shown(other)}")
    return f"| {' | '.join(cells)} | {'yes' if result.ok else 'no'} |"


def every():
    return [(case, name) for case in CASES for name in case.venues]


def write():
    rows = []
    for case, name in every():
        rows.append(row(case, name, run(case, name)[0]))
        print(rows[-1], flush=True)
    text = PAGE.read_text()
    head, _, rest = text.partition("<!-- cases -->\n")
    _, _, tail = rest.partition("<!-- end -->")
    table = [
        "| case | venue | this leg | reason | its settings | the other leg | may be traded on |",
        "|---|---|---|---|---|---|---|",
        *rows,
    ]
    PAGE.write_text(f"{head}<!-- cases -->\n" + "\n".join(table) + f"\n<!-- end -->{tail}")


if __name__ == "__main__":
    write()
