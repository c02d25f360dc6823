"""What reports say is held, with fills since, and reports of several venues side by side."""

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import solvent
from solvent import OrderRequest, RiskConfig, RiskManager

EXAMPLES = Path(__file__).parents[2] / "examples" / "accounts"
NOW = 1_800_000_000_000


class Desk:
    def __init__(self):
        self.now = NOW
        self.risk = RiskManager(RiskConfig(), None, 100_000, clock=lambda: self.now)

    def report(self, venue, as_of=None):
        made = solvent.evaluate(solvent.read_bundle(EXAMPLES / f"{venue}.json"))
        self.risk.attach_margin(made, as_of_ms=self.now if as_of is None else as_of)

    def fill(self, name, side, quantity, symbol="BTC", venue=""):
        said = {"symbol": symbol, "venue": venue, "side": side, "quantity": quantity, "price": 93_000}
        self.risk.on_fill(SimpleNamespace(id=name, **said))

    def held(self, positions=None):
        asked = OrderRequest(symbol="BTC", side="buy", order_type="market", quantity="0.001")
        self.risk.preview_order(asked, positions)
        return dict(self.risk._sight.desk.lines.positions)


def test_a_fill_adds_to_what_the_report_says_is_held():
    """The gate saw one fill; the report held 0.42 before it."""
    desk = Desk()
    desk.report("hyperliquid")
    desk.fill("1", "buy", "0.3")
    assert desk.held()["", "BTC", ""] == Decimal("0.72")
    desk.fill("2", "sell", "0.02", venue="hyperliquid")
    assert sum(q for k, q in desk.held().items() if k[1] == "BTC") == Decimal("0.70")


def test_a_newer_report_has_the_fills_before_it_and_not_those_after_its_capture():
    desk = Desk()
    desk.report("hyperliquid")
    desk.fill("1", "buy", "0.3")
    desk.now += 5_000
    desk.fill("2", "buy", "0.1")
    desk.report("hyperliquid", as_of=desk.now - 1_000)
    assert desk.held()["", "BTC", ""] == Decimal("0.52"), "0.42 as captured, and the second fill"


def test_the_report_knows_that_a_position_is_gone():
    """Fills made 1 AAVE more of 40 short; where the venue closed all of another, its report says so."""
    desk = Desk()
    desk.fill("1", "buy", "7", symbol="HYPE")
    assert desk.held()["", "HYPE", ""] == 7
    desk.now += 1_000
    desk.report("hyperliquid")
    view = desk.risk._sight._margins["hyperliquid"]
    assert view.lists("HYPE") is (("", "HYPE", "") not in desk.held())


def test_a_second_venue_does_not_make_the_first_ones_positions_go():
    desk = Desk()
    desk.report("hyperliquid")
    desk.report("bybit")
    held = desk.held()
    assert held["hyperliquid", "BTC", ""] == Decimal("0.42")
    assert held["bybit", "BTCUSDT", ""] == Decimal("0.05")
    desk.report("hyperliquid")
    assert desk.held() == held


def test_the_same_symbol_elsewhere_hides_no_reported_position():
    desk = Desk()
    desk.report("hyperliquid")
    desk.report("bybit")
    desk.fill("1", "buy", "1", venue="nado")
    held = desk.held()
    assert (held["hyperliquid", "BTC", ""], held["nado", "BTC", ""]) == (Decimal("0.42"), 1)


def test_the_caller_speaks_for_the_symbols_he_names():
    desk = Desk()
    desk.fill("1", "buy", "1", venue="hyperliquid")
    assert desk.held([SimpleNamespace(symbol="BTC", quantity=2)]) == {("", "BTC", ""): 2}
