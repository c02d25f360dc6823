"""The report as data, as a terminal page, as HTML, as a frame, and as an explanation."""

import io
import json
import re
from decimal import Decimal as D  # noqa: N817

import pytest
from hypothesis import given, settings
from rich.console import Console

import solvent
from solvent.core.errors import Refused
from solvent.margin.figures import Figure, Given, Status
from solvent.margin.formulas import FORMULAS
from solvent.views.document import Bands
from solvent.views.tables import money, percent, price, report_view
from strategies import DROP, MAJOR, accounts, bundle, held, meta, state

ACCOUNT = {
    "venue",
    "as_of",
    "equity",
    "cash",
    "initial_margin",
    "maintenance_margin",
    "free_margin",
    "withdrawable",
    "leverage",
    "margin_usage",
    "maintenance_usage",
    "pools",
    "positions",
    "reported",
    "unknown",
    "notes",
    "risk",
}
POOL = {"name", "equity", "initial_margin", "maintenance_margin", "free_margin", "positions"}
POSITION = {
    "instrument",
    "pool",
    "side",
    "size",
    "entry_price",
    "mark_price",
    "notional",
    "unrealized_pnl",
    "margin_used",
    "initial_margin",
    "maintenance_margin",
    "leverage",
    "liquidation_price",
    "liquidation_status",
    "liquidation_distance",
    "reason",
}
REPORTED = {"figure", "computed", "reported", "difference", "agrees"}
NUMBER = re.compile(r"-?\d+(\.\d+)?")
FULL = bundle(
    held("BTC", "0.5", 100, entry=90, leverage=5),
    held("AAVE", -2, 50, most=10, leverage=2),
    held("SOL", 2, 100, leverage=4, most=20, equity=60),
    metaAndAssetCtxs=meta(
        ("BTC", 5, 40, 56), ("SOL", 2, 20, 54), ("AAVE", 2, 10, 52), tables=MAJOR, contexts=[100, 100, 50]
    ),
    openOrders=[{"coin": "BTC", "side": "B", "limitPx": "90.0", "sz": "1.0"}],
)
REPORTS = {
    "full": FULL,
    "empty": bundle(equity=0),
    "broke": bundle(held("BTC", 1, 100), equity=-5),
    "blind": bundle(held("BTC", 1, 100, maxLeverage=DROP), openOrders=DROP, userAbstraction=DROP),
    "unified": bundle(held("BTC", -1, 100), userAbstraction="unifiedAccount"),
    "portfolio": bundle(held("BTC", -1, 100), userAbstraction="portfolioMargin"),
    "estimate": bundle(
        held("BTC", -1, 100),
        userAbstraction="unifiedAccount",
        spotClearinghouseState={"balances": [{"coin": "USDC", "total": "9.0"}]},
    ),
    "dexes": {
        "clearinghouseState": [
            {"params": {}, "body": state(held("BTC", 1, 100))},
            {"params": {"dex": "xyz"}, "body": state(held("xyz:GOLD", 1, 100, most=20))},
        ]
    },
    "orders unknown": bundle(openOrders=[{"coin": "ETH", "side": "B", "limitPx": "90.0", "sz": "1.0"}]),
}


@pytest.fixture(params=REPORTS, ids=lambda name: name.replace(" ", "-"))
def report(request):
    return solvent.evaluate(REPORTS[request.param])


def page(report, **more):
    out = io.StringIO()
    Console(file=out, width=220, **more).print(report)
    return out.getvalue()


# ---------------------------------------------------------------- data


def test_every_promised_field_is_there(report):
    made = report.to_dict()
    assert made.keys() >= ACCOUNT
    for pool in made["pools"]:
        assert pool.keys() >= POOL
        for position in pool["positions"]:
            assert position in made["positions"]
    for position in made["positions"]:
        assert position.keys() >= POSITION
        assert position["liquidation_status"] in ("ok", "none", "unknown", "estimate")
        assert (position["liquidation_price"] is None) == (position["liquidation_status"] in ("none", "unknown"))
        if position["liquidation_status"] in ("unknown", "estimate"):
            assert position["reason"]
    for row in made["reported"]:
        assert row.keys() >= REPORTED
    assert sum(len(p["positions"]) for p in made["pools"]) == len(made["positions"])


def test_numbers_are_text_in_plain_digits(report):
    made = report.to_dict()

    def walk(value, name=""):
        if isinstance(value, dict):
            for key, item in value.items():
                walk(item, key)
        elif isinstance(value, list):
            for item in value:
                walk(item, name)
        else:
            assert value is None or isinstance(value, bool | str)
            words = (
                "venue as_of pool side key kind margin_mode liquidation_status reason "
                "figure code text name mode band instrument"
            )
            if isinstance(value, str) and name not in words.split():
                assert NUMBER.fullmatch(value), (name, value)

    walk(made)
    assert json.loads(json.dumps(made)) == made


def test_what_cannot_be_computed_is_listed_with_its_reason(report):
    made = report.to_dict()
    unknown = {row["figure"]: row["reason"] for row in made["unknown"]}
    assert all(unknown.values())
    assert not unknown.keys() & {row["figure"] for row in made["reported"]}
    for name, value in made.items():
        if value is None and name not in ("as_of", "risk"):
            assert name in unknown
    for position in made["positions"]:
        if position["liquidation_status"] == "unknown":
            assert f"positions.{position['instrument']}.liquidation_price" in unknown


def test_what_the_venue_reports_is_either_judged_or_unknown(report):
    said = {row["figure"] for row in report.to_dict()["reported"]}
    said |= {row["figure"] for row in report.to_dict()["unknown"]}
    short = {p.key: p.short for p in report.positions}
    for path in report.account.reported:
        for key, name in short.items():
            path = path.replace(f"positions.{key}.", f"positions.{name}.")
        assert path in said


def test_a_difference_is_ours_less_theirs(report):
    for row in report.to_dict()["reported"]:
        if row["difference"] is not None:
            assert D(row["difference"]) == D(row["computed"]) - D(row["reported"])
        else:
            assert None in (row["computed"], row["reported"])


def test_the_moment_is_written_in_utc():
    assert solvent.evaluate(FULL).to_dict()["as_of"] == "2025-10-09T08:53:20.000Z"
    odd = bundle(more_state={"time": 1_760_000_000_987})
    assert solvent.evaluate(odd).to_dict()["as_of"] == "2025-10-09T08:53:20.987Z"
    unknown = bundle(more_state={"time": DROP})
    assert solvent.evaluate(unknown).to_dict()["as_of"] is None
    captured = bundle(more_state={"time": DROP}, _meta={"captured_at": 1_760_000_000_000})
    assert solvent.evaluate(captured).to_dict()["as_of"] == "2025-10-09T08:53:20.000Z"


def test_a_position_is_keyed_by_its_pool_and_side_and_short_where_that_is_enough():
    report = solvent.evaluate(FULL)
    assert report.figure("positions.BTC.notional") is report.figure("positions.cross/BTC/long.notional")
    with pytest.raises(Refused, match=r"positions\.BTC\.liquidation_price"):
        report.figure("positions.BTC.liquidation_prise")


# ---------------------------------------------------------------- explanations


def test_every_figure_can_be_explained(report):
    """Each formula is in the manual's table, each input says where it comes from."""
    for path, figure in report.evaluation.all_figures().items():
        seen = [figure]
        while seen:
            one = seen.pop()
            assert one.formula in FORMULAS
            for item in one.inputs:
                if isinstance(item, Given):
                    assert item.name
                    assert item.origin, (path, item.name)
                else:
                    assert isinstance(item, Figure)
                    seen.append(item)
            if one.status is Status.UNKNOWN:
                assert one.reason
        told = report.explain(path)
        assert told.startswith(f"{figure.path} = {figure.shown}")
        assert FORMULAS[figure.formula].expression in told


def test_figures_have_the_values_that_the_data_shows(report):
    made = report.to_dict()

    def shown(path):
        figure = report.figure(path)
        return None if figure.value is None else figure.shown

    for name, value in made.items():
        if name in report.evaluation.figures:
            assert shown(name) == value
    for pool in made["pools"]:
        for name, value in pool.items():
            if name in ("equity", "cash", "notional", "initial_margin", "maintenance_margin", "free_margin"):
                assert shown(f"pools.{pool['name']}.{name}") == value
    for row in made["positions"]:
        for name in ("notional", "margin_used", "initial_margin", "maintenance_margin", "liquidation_price"):
            assert shown(f"positions.{row['instrument']}.{name}") == row[name]


def test_an_explanation_shows_the_segment_that_was_solved():
    told = solvent.evaluate(FULL).explain("positions.AAVE.liquidation_price")
    for words in (
        "HL-LIQ",
        "maintenance rate in force there",
        "slope",
        "excess at the root = 0",
        "before rounding",
    ):
        assert words in told


def test_an_explanation_as_data(command, bundle_file):
    code, out, _ = command("explain", bundle_file(FULL), "--figure", "withdrawable", "--json")
    made = json.loads(out)
    assert code == 0
    assert made["figure"] == "withdrawable"
    assert made["formula"]["id"] == "HL-WD"
    told, waiting = set(), [made]
    while waiting:
        one = waiting.pop()
        told.add(one.get("figure"))
        waiting += one.get("inputs", [])
    assert {"pools.cross.equity", "pools.cross.order_margin", "positions.BTC.initial_margin"} <= told


def test_the_trace_adds_up():
    """The pool's maintenance is the sum of what its inputs show."""
    figure = solvent.evaluate(FULL).figure("pools.cross.maintenance_margin")
    assert figure.amount == sum(i.amount for i in figure.inputs if isinstance(i, Figure))


# ---------------------------------------------------------------- words for people


def test_the_page_can_be_printed(report):
    told = page(report)
    assert "hyperliquid" in told
    assert "Equity" in told


def test_colour_says_nothing_that_words_do_not():
    """Without colour the page has the same words."""
    report = solvent.evaluate(REPORTS["broke"])
    plain = page(report)
    coloured = page(report, force_terminal=True, color_system="truecolor")
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert "EXTREME" in plain
    assert "DIFFERS" in page(solvent.evaluate(bundle(held("BTC", -1, 100, liquidation=1))))


def test_bands_by_usage():
    def band(equity, **more):
        report = solvent.evaluate(bundle(held("BTC", 1, 100, most=5, leverage=1), equity=equity))
        return report_band(report, **more)

    def report_band(report, **more):
        out = io.StringIO()
        Console(file=out, width=220).print(report_view(report.evaluation, Bands(**more)))
        return out.getvalue().split("risk ")[1].split()[0]

    assert [band(e) for e in ("25.1", 25, "14.2", "11.1", 1)] == ["LOW", "MEDIUM", "HIGH", "EXTREME", "EXTREME"]
    assert band(25, medium=D("0.5")) == "LOW"


def test_the_worst_pool_gives_the_band():
    report = solvent.evaluate(bundle(held("BTC", 1, 100), held("SOL", 1, 100, most=5, leverage=1, equity=11)))
    assert report.to_dict()["risk"] == {"band": "extreme", "pool": "isolated:SOL"}


HOSTILE = (
    "[/x]",
    "[red]X[/red]",
    "<script>alert(1)</script>",
    "a&b",
    ":gem:",
    "\x1b[2Jgone",
    "a\tb",
    "\u202eabc",
    "'\"",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_name(name):
    report = solvent.evaluate(bundle(held(name, 1, 100), **{f"part {name}": 1}))
    told = page(report, force_terminal=True, color_system=None)
    assert "\x1b[2J" not in told
    if name.isprintable():
        assert f"{name} long" in told
    html = report._repr_html_()
    assert "<script" not in html
    assert "a&b" not in html
    report.explain(f"positions.{name}.liquidation_price")
    out = io.StringIO()
    from solvent.views.questions import ladder_view, max_size_view, what_if_view

    order = {"instrument": name, "side": "buy"}
    for view in (
        ladder_view(report.ladder(name)),
        max_size_view(report.max_size(**order)),
        what_if_view(report.what_if(**order, size=1)),
    ):
        Console(file=out, width=220, force_terminal=True, color_system=None).print(view)
    assert "\x1b[2J" not in out.getvalue()
    assert name in out.getvalue() or not name.isprintable()


def test_html_has_the_figures_and_says_what_differs():
    html = solvent.evaluate(FULL)._repr_html_()
    assert html.startswith("<div")
    assert html.endswith("</div>")
    assert html.count("<table>") == html.count("</table>") == 2
    assert "DIFFERS" in html  # the rows carry no liquidation price of the venue
    assert "<td>agrees</td>" in html
    assert "style=" not in html


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1234.5", "1,234.50"),
        ("-1234.5", "-1,234.50"),
        ("0", "0.00"),
        ("0.000012345", "0.00001234"),
        ("1" + "0" * 60, "1" + ",000" * 20 + ".00"),
        ("1E-40", "0." + "0" * 39 + "1000"),
        (None, "unknown"),
    ],
)
def test_money_for_people(value, shown):
    assert money(None if value is None else D(value)) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("97123.456789", "97,123.46"),
        ("0.00001234567891", "0.00001234568"),
        ("1E+40", "1" + "0,000" * 0 + ",000" * 13),
    ],
)
def test_prices_for_people(value, shown):
    if value == "1E+40":
        shown = f"{10**40:,}"
    assert price(D(value)) == shown


def test_nothing_known_is_said_in_words():
    assert (price(None), percent(None), percent(D("0.12345"))) == ("–", "unknown", "12.34 %")


def test_huge_and_tiny_accounts_can_be_printed():
    huge = solvent.evaluate(bundle(held("BTC", 10**40, 10**9), equity=10**50))
    assert "," in page(huge)
    tiny = solvent.evaluate(
        bundle(held("BTC", "0.000000000001", "0.000001", most=3, leverage=1), equity="0.000001")
    )
    assert "0.000001" in page(tiny)


# ---------------------------------------------------------------- frames


def test_a_frame_has_a_row_for_each_position():
    frame = solvent.evaluate(FULL).to_polars()
    assert frame["instrument"].to_list() == ["BTC", "AAVE", "SOL"]
    assert frame["size"].to_list() == [0.5, -2.0, 2.0]
    assert frame["liquidation_status"].to_list() == [
        p["liquidation_status"] for p in solvent.evaluate(FULL).to_dict()["positions"]
    ]
    assert set(frame["venue"]) == {"hyperliquid"}


def test_a_frame_of_every_report(report):
    assert report.to_polars().height == len(report.to_dict()["positions"])


# ---------------------------------------------------------------- one evaluation


@settings(max_examples=25)
@given(accounts(orders=True))
def test_the_same_bundle_gives_the_same_report(body):
    one, two = solvent.evaluate(body), solvent.evaluate(json.dumps(body).encode())
    assert one.to_dict() == two.to_dict()


def test_public_names():
    assert set(dir(solvent)) == set(solvent.__all__)
    for name in solvent.__all__:
        assert getattr(solvent, name)
    with pytest.raises(AttributeError, match="nothing"):
        _ = solvent.nothing
