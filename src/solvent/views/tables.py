"""A report for the terminal. Colour repeats what words say; it never says anything alone."""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from rich.console import Group, RenderableType
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

from solvent.core.account import Mode
from solvent.margin.evaluate import Comparison, Evaluation, PoolResult, PositionResult
from solvent.margin.figures import Figure, Status
from solvent.views.document import Bands, as_of, printable, worst_pool

COLOURS = {"low": "green", "medium": "yellow", "high": "dark_orange", "extreme": "bold red", "unknown": "magenta"}
NAMES = {
    "equity": "Equity",
    "cash": "Cash ledger",
    "initial_margin": "Initial margin",
    "maintenance_margin": "Maintenance margin",
    "free_margin": "Free margin",
    "withdrawable": "Withdrawable",
    "leverage": "Effective leverage",
    "margin_usage": "Margin usage",
    "maintenance_usage": "Maintenance usage",
}
PERCENT = frozenset({"margin_usage", "maintenance_usage"})
_WIDE = Context(prec=400)
"""Room for any number that a bundle may hold: the default of 28 digits is not."""


def money(value: Decimal | None, places: int = 2) -> str:
    """1234.5 -> 1,234.50; small amounts keep four significant digits."""
    if value is None:
        return "unknown"
    if value and abs(value) < 1:
        places = max(places, 3 - value.adjusted())
    return f"{_rounded(value, places):,f}"


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN, context=_WIDE)


def price(value: Decimal | None) -> str:
    """Seven significant digits, thousands apart."""
    if value is None:
        return "–"
    places = max(0, 6 - value.adjusted()) if value else 0
    shown = f"{_rounded(value, places):,f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def percent(value: Decimal | None) -> str:
    return "unknown" if value is None else f"{value * 100:.2f} %"


def _exact(value: Fraction) -> Decimal:
    return _WIDE.divide(Decimal(value.numerator), Decimal(value.denominator))


def plain(words: str, style: str = "") -> Text:
    """Words as they are: no markup, no emoji names, no control characters."""
    return Text(printable(words), style=style)


class PlainTable(Table):
    """A table whose text cells are shown as they are."""

    def add_row(
        self, *cells: RenderableType | None, style: StyleType | None = None, end_section: bool = False
    ) -> None:
        shown = [plain(cell) if isinstance(cell, str) else cell for cell in cells]
        super().add_row(*shown, style=style, end_section=end_section)


def report_view(made: Evaluation, bands: Bands | None = None) -> RenderableType:
    """All of a report: heading, account, pools, positions, then what disagrees or is not known."""
    bands = bands or Bands()
    parts: list[RenderableType] = [_heading(made, bands), _account(made)]
    if len(made.pools) > 1:
        parts.append(_pools(made.pools, bands))
    if made.positions:
        parts.append(_positions(made.positions))
    parts += _remarks(made)
    return Group(*parts)


def _heading(made: Evaluation, bands: Bands) -> Text:
    heading = Text()
    heading.append(f"{made.account.venue}", style="bold")
    heading.append(f"  as of {as_of(made.account.as_of) or 'an unrecorded time'}")
    worst = worst_pool(made)
    if worst is None:
        heading.append("  no positions")
        return heading
    usage = worst.figures["maintenance_usage"]
    band = bands.of(worst)
    heading.append("  risk ")
    heading.append(band.upper(), style=COLOURS[band])
    heading.append(f" (maintenance usage {percent(usage.value)} in pool {printable(worst.pool.name)})")
    return heading


def plain_table(title: str, *columns: str) -> Table:
    table = PlainTable(
        title=plain(title, "bold"),
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        box=None,
        padding=(0, 2, 0, 0),
    )
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True, header_style="dim")
    return table


def _account(made: Evaluation) -> Table:
    table = plain_table("Account", "", "computed", "reported", "difference", "")
    said = {c.figure: c for c in made.compared}
    names = [n for n in made.figures if "." not in n]
    for name in sorted(names, key=lambda n: list(NAMES).index(n) if n in NAMES else len(NAMES)):
        figure = made.figures[name]
        form = percent if name in PERCENT else money
        found = said.get(name)
        table.add_row(
            NAMES.get(name, name.replace("_", " ").capitalize()),
            form(figure.value),
            form(found.reported) if found and found.reported is not None else "",
            money(found.difference, 6) if found and found.difference else "",
            _verdict(found),
        )
    return table


def _verdict(found: Comparison | None) -> Text:
    if found is None:
        return Text("")
    return Text("agrees", style="green") if found.agrees else Text("DIFFERS", style="bold red")


def _pools(pools: Iterable[PoolResult], bands: Bands) -> Table:
    table = plain_table("Pools", "pool", "equity", "initial", "maintenance", "free", "usage", "risk")
    for pool in pools:
        figures = pool.figures
        usage = figures["maintenance_usage"]
        band = bands.of(pool)
        table.add_row(
            pool.pool.name,
            *(money(figures[n].value) for n in ("equity", "initial_margin", "maintenance_margin", "free_margin")),
            percent(usage.value),
            Text(band, style=COLOURS[band]) if pool.positions else Text("–"),
        )
    return table


def _positions(positions: Iterable[PositionResult]) -> Table:
    table = plain_table(
        "Positions",
        "instrument",
        "size",
        "entry",
        "mark",
        "notional",
        "pnl",
        "lev",
        "mode",
        "margin",
        "liq. price",
        "distance",
    )
    for p in positions:
        held, figures = p.position, p.figures
        entry = held.entry
        pnl = figures.get("unrealized_pnl")
        table.add_row(
            f"{held.instrument} {held.side}",
            price(_exact(held.size)),
            price(None if entry is None else _exact(entry)),
            price(_exact(held.price)),
            money(figures["notional"].value),
            money(pnl.value) if pnl else "–",
            f"{float(held.leverage):g}x" if held.leverage else "–",
            "iso" if p.pool.mode is Mode.ISOLATED else "cross",
            money(figures["margin_used"].value),
            liquidation_text(figures["liquidation_price"]),
            f"{p.liquidation.distance:.2f} %" if p.liquidation.distance is not None else "–",
        )
    return table


def liquidation_text(figure: Figure) -> str:
    match figure.status:
        case Status.UNKNOWN:
            return "unknown"
        case Status.NONE:
            return "none"
        case Status.ESTIMATE:
            return f"~{price(figure.value)}"
        case _:
            return price(figure.value)


def _remarks(made: Evaluation) -> list[RenderableType]:
    parts: list[RenderableType] = []
    apart = [c for c in made.compared if not c.agrees]
    if made.compared:
        agreeing = len(made.compared) - len(apart)
        line = f"{agreeing} of {len(made.compared)} figures that the venue reports are reproduced."
        parts.append(Text(line, style="green" if not apart else "bold red"))
    for c in apart:
        said = "null" if c.reported is None else f"{c.reported:f}"
        ours = "null" if c.computed is None else f"{c.computed:f}"
        because = f" ({c.reason})" if c.reason else ""
        parts.append(plain(f"  differs: {c.figure}: computed {ours}, reported {said}{because}"))
    reasons: dict[str, list[str]] = {}
    for p in made.positions:
        figure = p.figures["liquidation_price"]
        if figure.status in (Status.UNKNOWN, Status.ESTIMATE) and figure.reason:
            reasons.setdefault(f"{figure.status}: {figure.reason}", []).append(p.short)
    parts += [plain(f"  {', '.join(names)}: liquidation price {reason}") for reason, names in reasons.items()]
    parts += [plain(f"  note: {note.text}") for note in made.notes]
    return parts
