"""Bybit's closing fee, hedged schedules and tick rounding, as plain functions. docs/spec/bybit.md."""

from fractions import Fraction
from math import ceil, floor

from solvent.margin.schedule import Piece, Schedule


def closing_fee(size: Fraction, entry: Fraction, leverage: Fraction, taker_fee: Fraction) -> Fraction:
    """The fee to close at the bankruptcy price, entry * (1 - side / leverage) (BYBIT-FEE).

    `size` is signed. It does not move with the mark in any regime.
    """
    side = 1 if size > 0 else -1
    return abs(size) * entry * (1 - side / leverage) * taker_fee


def on_net(asked: Schedule, share: Fraction) -> Schedule:
    """What a position asks when only `share` of its notional counts (BYBIT-HEDGE)."""
    return Schedule(tuple(Piece(p.lower / share, p.rate * share, p.deduction) for p in asked.pieces))


def not_negative(asked: Schedule) -> Schedule:
    """The same, but never below 0: a tier reached by resting orders may deduct more than it asks."""
    found: list[Piece] = []
    following = asked.pieces[1:]
    for number, piece in enumerate(asked.pieces):
        zero = piece.deduction / piece.rate
        if zero > 0 and zero > piece.lower:
            found.append(Piece(piece.lower, Fraction(0), Fraction(0)))
            if number < len(following) and zero >= following[number].lower:
                continue
        found.append(Piece(max(piece.lower, zero), piece.rate, piece.deduction))
    return Schedule(tuple(found))


def rounded_to_tick(price: Fraction, mark: Fraction, tick: Fraction) -> Fraction:
    """To a multiple of the tick, toward the mark: the venue liquidates earlier, never later."""
    steps = price / tick
    return (ceil(steps) if price < mark else floor(steps)) * tick
