"""`solvent rebalance`: which transfer makes both legs of a hedge equally safe. Advice only; nothing is moved."""

import asyncio
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

import typer

from solvent.cli.options import Json, print_json, print_view
from solvent.cli.treasury_options import Bundles, Config, config_of, sources_of
from solvent.core.errors import BadInput, Refused
from solvent.core.numbers import parse_decimal

if TYPE_CHECKING:
    from solvent.runtime.looks import Look
    from solvent.runtime.sources import Source
    from solvent.treasury.pairs import Leg
    from solvent.treasury.rebalance import TransferCost


def command(
    bundles: Bundles = None,
    config: Config = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option("--pair", help="A pair, if not every one that is found.", metavar="VENUE:INSTR,VENUE:INSTR"),
    ] = None,
    costs: Annotated[
        list[str] | None,
        typer.Option(
            "--cost", help="What leaving a venue costs: hyperliquid=1 (and a rate: =1,0.001).", metavar="V=F[,R]"
        ),
    ] = None,
    trigger: Annotated[
        str | None, typer.Option("--trigger", help="Percent from liquidation at which it is due (20).")
    ] = None,
    json: Json = False,
) -> None:
    """For each hedged pair: the transfer that brings both legs to the same distance, and when it is needed."""
    from solvent.treasury.rebalance import advise
    from solvent.views.treasury import advice_data, advice_view

    words = config_of(config)
    sources = sources_of(words, bundles)
    if not sources:
        raise BadInput("BUNDLE", "bundles of two venues, or --config", "<not given>")
    at = Fraction(words.trigger) if trigger is None else Fraction(parse_decimal(trigger, "--trigger")) / 100
    prices = {**words.costs(), **dict(_cost(c) for c in costs or [])}
    found = asyncio.run(_looked(sources))
    advice = [advise(*pair, costs=prices, trigger=at) for pair in _pairs(found, pairs)]
    if json:
        print_json([advice_data(a) for a in advice])
        return
    for number, one in enumerate(advice):
        if number:
            print_view("")
        print_view(advice_view(one))
    if len(advice) > 1:
        print_view("", "Each pair is advised by itself: after one transfer, ask again before the next.")


async def _looked(sources: "list[Source]") -> "Look":
    from solvent.runtime.looks import close_all, look

    try:
        found = await look(sources)
    finally:
        await close_all(sources)
    blind = [r for r in found.rows if r.stale]
    if blind:
        raise Refused("source-failed", "; ".join(f"{r.chain}: {r.error}" for r in blind))
    return found


def _pairs(found: "Look", asked: list[str] | None) -> "list[tuple[Leg, Leg]]":
    from solvent.treasury.pairs import find_pairs

    if asked:
        return [_pair(found, text) for text in asked]
    made = list(find_pairs(found.accounts))
    if not made:
        raise Refused(
            "no-pair", "no asset is held long on one venue and short on another: name a pair with --pair"
        )
    return made


def _pair(found: "Look", text: str) -> "tuple[Leg, Leg]":
    from solvent.core.account import Side

    parts = text.split(",")
    if len(parts) != 2:
        raise BadInput("--pair", "VENUE:INSTRUMENT,VENUE:INSTRUMENT", text)
    legs = [_leg(found, part) for part in parts]
    legs.sort(key=lambda leg: leg.position.position.side is not Side.LONG)
    sides = [leg.position.position.side for leg in legs]
    if sides != [Side.LONG, Side.SHORT]:
        raise Refused("no-hedge", f"{text}: both legs are {sides[0]}")
    return legs[0], legs[1]


def _leg(found: "Look", text: str) -> "Leg":
    from solvent.treasury.pairs import Leg

    venue, _, instrument = text.strip().partition(":")
    made = [a for a in found.accounts if str(a.account.venue) == venue]
    if len(made) != 1 or not instrument:
        raise BadInput("--pair", "VENUE:INSTRUMENT of one of the accounts", text)
    return Leg(made[0], instrument)


def _cost(text: str) -> "tuple[str, TransferCost]":
    from solvent.runtime.treasury_config import cost_of

    venue, mark, said = text.partition("=")
    parts = said.split(",")
    if not mark or not venue or len(parts) > 2:
        raise BadInput("--cost", "VENUE=FLAT or VENUE=FLAT,RATE", text)
    rate = parts[1] if len(parts) == 2 else "0"
    return venue, cost_of(parse_decimal(parts[0], "--cost"), parse_decimal(rate, "--cost"))
