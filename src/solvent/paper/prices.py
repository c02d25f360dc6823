"""Reference prices: one seeded process per underlying, shaped by a scenario, or a file of marks.

A price depends on the seed, the underlying, the scenario and the number of the step alone.
"""

import csv
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from solvent.core.errors import BadInput
from solvent.paper.units import ONE, units

STEP_MS: Final = 1_000

UNDERLYINGS: Final[Mapping[str, tuple[str, float]]] = {
    "BTC": ("62000", 0.45),
    "ETH": ("3100", 0.6),
    "SOL": ("148", 0.8),
    "XRP": ("0.62", 0.8),
    "DOGE": ("0.162", 1.0),
    "BNB": ("590", 0.55),
    "HYPE": ("38", 1.1),
    "LINK": ("14.2", 0.85),
    "AVAX": ("28", 0.9),
    "SUI": ("3.4", 1.1),
}
"""Where each underlying starts (quote units) and its yearly volatility."""

YEAR_S: Final = 365 * 86_400
JUMP_CHANCE: Final = 1 / 1_800
JUMP_SIZE: Final = 0.004


@dataclass(frozen=True, slots=True)
class Scenario:
    """How a market behaves. Moves are in log price; times in seconds from the start."""

    name: str
    drift: float = 0.0
    """Log price per hour, all the time."""
    calm: float = 1.0
    """Multiplies volatility and jumps."""
    move: float = 0.0
    """A move in log price between `begins_s` and `ends_s`."""
    begins_s: int = 0
    ends_s: int = 1
    spread: float = 1.0
    """Multiplies the book's spread and divides its depth while the move goes on."""
    premium: float = 0.0
    """Added to the premium that funding is made of, all the time."""
    quote: float = 0.0
    """What the quote asset loses against the dollar between `begins_s` and `ends_s`, as a fraction."""

    def moved(self, seconds: float) -> float:
        return self.move * self._share(seconds)

    def quote_price(self, seconds: float) -> float:
        return 1.0 - self.quote * self._share(seconds)

    def moving(self, seconds: float) -> bool:
        return bool(self.move or self.quote) and self.begins_s <= seconds < self.ends_s

    def _share(self, seconds: float) -> float:
        return min(max((seconds - self.begins_s) / (self.ends_s - self.begins_s), 0.0), 1.0)


SCENARIOS: Final[Mapping[str, Scenario]] = {
    s.name: s
    for s in (
        Scenario("normal"),
        Scenario("calm", calm=0.1),
        Scenario("trend", drift=0.01),
        Scenario("crash", move=math.log(0.6), begins_s=30, ends_s=210, spread=5.0),
        Scenario("squeeze", move=math.log(1.5), begins_s=30, ends_s=210, spread=4.0),
        Scenario("depeg", quote=0.08, begins_s=30, ends_s=330, spread=3.0),
        Scenario("funding_spike", premium=0.004),
        Scenario("rout", premium=0.0055, move=math.log(0.7), begins_s=100, ends_s=220, spread=3.0),
    )
}


@dataclass(frozen=True, slots=True)
class Step:
    """The market at one moment. Prices in units of quote, premium as a fraction in units."""

    index: int
    time: int
    prices: Mapping[str, int]
    premium: Mapping[str, int]
    strain: int
    """What spreads are multiplied by and depth is divided by, in units."""
    quote: int = ONE
    """The dollar price of the quote asset (USDC, USDT, USDT0)."""


class SeededPrices:
    """A seeded random walk with jumps for each underlying. Steps are made in order, one a second."""

    def __init__(self, seed: int, scenario: str = "normal", start_ms: int = 0) -> None:
        if scenario not in SCENARIOS:
            raise BadInput("scenario", " or ".join(SCENARIOS), scenario)
        self._scenario = SCENARIOS[scenario]
        self._start = start_ms
        self._random = {u: random.Random(f"{seed}/{u}") for u in UNDERLYINGS}  # noqa: S311  a market, no secret
        self._walk = {u: math.log(float(price)) for u, (price, _) in UNDERLYINGS.items()}
        self._premium = dict.fromkeys(UNDERLYINGS, 0.0)
        self._index = -1

    def next(self) -> Step:
        self._index += 1
        seconds = self._index * STEP_MS / 1000
        shape = self._scenario
        prices: dict[str, int] = {}
        premium: dict[str, int] = {}
        root = math.sqrt(STEP_MS / 1000 / YEAR_S)
        for name, (_, yearly) in UNDERLYINGS.items():
            draw = self._random[name]
            move = draw.gauss(0.0, 1.0) * yearly * root * shape.calm
            jump = draw.random() < JUMP_CHANCE
            size = draw.gauss(0.0, JUMP_SIZE) * shape.calm
            tilt = draw.gauss(0.0, 0.00002)
            if self._index:
                self._walk[name] += move + (size if jump else 0.0) + shape.drift * STEP_MS / 3_600_000
            self._premium[name] = 0.99 * self._premium[name] + tilt
            price = math.exp(self._walk[name] + shape.moved(seconds)) / shape.quote_price(seconds)
            prices[name] = units(f"{price:.10g}")
            premium[name] = units(f"{self._premium[name] + shape.premium:.10f}")
        strain = shape.spread if shape.moving(seconds) else 1.0
        return Step(
            self._index,
            self._start + self._index * STEP_MS,
            prices,
            premium,
            units(f"{strain:.4f}"),
            units(f"{shape.quote_price(seconds):.6f}"),
        )


class RecordedPrices:
    """Marks from a CSV file with the columns time (ms), underlying, price. Each price holds until the next.

    The file's first moment is step 0; what it does not name stands at its usual start.
    """

    def __init__(self, path: Path, start_ms: int | None = None) -> None:
        self._rows = _read_marks(path)
        first = self._rows[0][0]
        self._shift = 0 if start_ms is None else start_ms - first
        self._first = first
        self._prices = {u: units(price) for u, (price, _) in UNDERLYINGS.items()}
        self._index = -1
        self._at = 0

    @property
    def first_ms(self) -> int:
        return self._first

    def next(self) -> Step:
        self._index += 1
        now = self._first + self._index * STEP_MS
        while self._at < len(self._rows) and self._rows[self._at][0] <= now:
            _, name, price = self._rows[self._at]
            self._prices[name] = price
            self._at += 1
        return Step(self._index, now + self._shift, dict(self._prices), dict.fromkeys(self._prices, 0), ONE)


LATEST_MS: Final = 10**14
HIGHEST: Final = 10**12 * ONE


def _read_marks(path: Path) -> list[tuple[int, str, int]]:
    rows: list[tuple[int, str, int]] = []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if not {"time", "underlying", "price"} <= set(reader.fieldnames or ()):
                raise BadInput(str(path), "the columns time, underlying, price", reader.fieldnames)
            for row in reader:
                where = f"{path}:{reader.line_num}"
                rows.append(_mark(row, where, rows[-1][0] if rows else 0))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(str(path), "a readable CSV file", f"<{error}>") from None
    if not rows:
        raise BadInput(str(path), "at least one mark", "<none>")
    return rows


def _mark(row: Mapping[str, str], where: str, last: int) -> tuple[int, str, int]:
    try:
        time, price = int(row["time"]), units(row["price"])
    except (ValueError, TypeError):
        raise BadInput(where, "a time in ms and a price", f"{row['time']}, {row['price']}") from None
    if row["underlying"] not in UNDERLYINGS:
        raise BadInput(where, " or ".join(UNDERLYINGS), row["underlying"])
    if not last <= time < LATEST_MS or not 0 < price < HIGHEST:
        wanted = "times in ms that never fall and prices from above 0 to below 10^12"
        raise BadInput(where, wanted, f"{row['time']:.30}, {row['price']:.30}")
    return time, row["underlying"], price
