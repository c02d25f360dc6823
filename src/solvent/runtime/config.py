"""Risk configuration: from arguments, the environment, or a file, in that order of precedence."""

import json
import os
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from solvent.core.errors import BadInput
from solvent.risk.limits import Limits
from solvent.risk.valuation import PAR_ASSETS

PREFIX = "RISK_"
MAX_BYTES = 1024 * 1024


class RiskConfig(Limits, BaseSettings):
    """Every limit of the gate (see `solvent.risk.limits.Limits`), and overrides by symbol and venue.

    `symbols={"BTC-USD": {"max_order_notional": "2000"}}`; where a venue and a symbol both speak, the symbol's
    word counts. Environment: `RISK_MAX_DAILY_LOSS=500`. Unknown names, negatives, NaN and percents given where
    fractions belong raise ValueError naming the field.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    par_assets: tuple[str, ...] = PAR_ASSETS
    """Assets worth one another, one to one, unless a rate says otherwise."""
    symbols: dict[str, dict[str, Any]] = {}
    venues: dict[str, dict[str, Any]] = {}

    @model_validator(mode="after")
    def _overrides_are_limits(self) -> Self:
        for changes in (*self.symbols.values(), *self.venues.values()):
            self.overridden(changes)
        return self

    @classmethod
    def from_file(cls, path: str | Path, **arguments: Any) -> Self:
        """The configuration in a JSON or TOML file; the environment and `arguments` go before it.

        Raises BadInput where the file cannot be read, ValueError where a value is not allowed.
        """
        said = _read(Path(path))
        environment = {name.upper() for name in os.environ}
        left = {name: value for name, value in said.items() if f"{PREFIX}{name}".upper() not in environment}
        return cls(**{**left, **arguments})

    def limits(self, symbol: str, venue: str = "") -> Limits:
        """The limits in force for a symbol on a venue."""
        changes = {**self.venues.get(venue, {}), **self.symbols.get(symbol, {})}
        return self.overridden(changes) if changes else self


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(str(path), f"a file of at most {MAX_BYTES} bytes", "<larger>")
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(path), "a readable file", f"<{error}>") from None
    try:
        if path.suffix == ".toml":
            body: Any = tomllib.loads(text, parse_float=Decimal)
        else:
            body = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise BadInput(str(path), "JSON or TOML", f"<{error}>") from None
    if not isinstance(body, dict):
        raise BadInput(str(path), "an object of limits", f"<{type(body).__name__}>")
    return body
