"""How everything stands at one moment of the story, in plain lines or as a panel."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from rich.console import Group, RenderableType
from rich.panel import Panel

from solvent.core.numbers import text
from solvent.margin.evaluate import Evaluation, PositionResult
from solvent.orders.arbitrage import Subscription
from solvent.orders.arbitrage_step import PairSeen
from solvent.runtime.gated import Look
from solvent.views.arbitrage_pairs import clock, live_view
from solvent.views.document import Bands, worst_pool
from solvent.views.tables import COLOURS, liquidation_text, money, percent, plain, plain_table, price

HEALTHS: Final = ("initial", "maintenance", "unweighted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One moment. `btc`: its price now and when the story began. `breaker`: its phase, and why it is tripped."""

    now_ms: int
    btc: tuple[Decimal, Decimal]
    looks: Mapping[str, Look]
    sub: Subscription
    seen: PairSeen | None
    day_pnl: Decimal | None
    breaker: str

    @property
    def move(self) -> str:
        now, first = self.btc
        return f"{(now / first - 1) * 100:+.1f} %"


def headline(scene: Scene) -> str:
    long, short = scene.sub.held
    delta = "unknown" if long is None or short is None else text(scene.sub.residual(long, short))
    funding = sum((paid.amount for paid in scene.sub.funding), Decimal(0))
    return (
        f"BTC {price(scene.btc[0].quantize(Decimal('0.1')))} ({scene.move})   net delta {delta}   "
        f"funding booked {money(funding)}   day {_signed(scene.day_pnl)}   breaker {scene.breaker}"
    )


def lines(scene: Scene) -> list[str]:
    """The headline, then a line for each venue."""
    found = [f"{clock(scene.now_ms)}  {headline(scene)}"]
    for desk, look in scene.looks.items():
        if look.made is None:
            found.append(f"    {desk:<13}not read: {look.problem}")
            continue
        usage, band = _usage(look.made)
        told = [_words(one) for one in look.made.positions] or ["flat"]
        equity = money(look.made.figures["equity"].value)
        margin = percent(look.made.figures["margin_usage"].value)
        found.append(
            f"    {desk:<13}{', '.join(told):<62}equity {equity:>10}  margin {margin:>8}  "
            f"maintenance {usage:>7} {band}".rstrip()
        )
        healths = health(look.made)
        if healths and look.made.positions:
            found.append(f"    {'':<13}health: {healths}")
    return found


def panel(scene: Scene) -> RenderableType:
    """The same where a person looks on."""
    table = plain_table(
        "Accounts", "venue", "position", "liq. price", "distance", "equity", "margin", "maintenance", "risk"
    )
    healths = ""
    for desk, look in scene.looks.items():
        made = look.made
        if made is None:
            table.add_row(desk, "unknown", "", "", "", "", "", look.problem)
            continue
        usage, band = _usage(made)
        held = made.positions[0] if made.positions else None
        table.add_row(
            desk,
            "flat" if held is None else f"{held.position.side} {_size(held)} {held.position.instrument}",
            "" if held is None else liquidation_text(held.figures["liquidation_price"]),
            "" if held is None else _distance(held),
            money(made.figures["equity"].value),
            percent(made.figures["margin_usage"].value),
            usage,
            plain(band, COLOURS.get(band, "")),
        )
        if held is not None:
            healths = health(made) or healths
    parts: list[RenderableType] = [plain(headline(scene), "bold"), table]
    if healths:
        parts.append(plain(f"nado health: {healths}"))
    parts.append(live_view(scene.sub, scene.seen, scene.now_ms, gate=scene.breaker))
    return Panel(Group(*parts), title=f"solvent demo  {clock(scene.now_ms)} UTC", title_align="left")


def health(made: Evaluation) -> str:
    """The three levels of a venue that has them; else ""."""
    found = [(name, made.figures.get(f"{name}_health")) for name in HEALTHS]
    return ", ".join(f"{name} {money(one.value)}" for name, one in found if one is not None)


def _usage(made: Evaluation) -> tuple[str, str]:
    """Maintenance usage of the pool that is nearest to its end, and its band; of a flat account there is none."""
    worst = worst_pool(made)
    if worst is None:
        return percent(Decimal(0)), ""
    return percent(worst.figures["maintenance_usage"].value), Bands().of(worst)


def _words(one: PositionResult) -> str:
    held = f"{one.position.side} {_size(one)} {one.position.instrument}"
    end = liquidation_text(one.figures["liquidation_price"])
    return f"{held}, liquidation at {end}, {_distance(one)} away"


def _size(one: PositionResult) -> str:
    return f"{float(abs(one.position.size)):g}"


def _distance(one: PositionResult) -> str:
    far = one.liquidation.distance
    return "unknown" if far is None else f"{far:.1f} %"


def _signed(value: Decimal | None) -> str:
    return "unknown" if value is None else f"{value:+,.2f}"


__all__ = ["Scene", "headline", "health", "lines", "panel"]
