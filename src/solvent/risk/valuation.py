"""Amounts of several assets in one: rates with their age, and what an amount is worth by them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

PAR_ASSETS: Final = ("USD", "USDC", "USDT", "USDT0")
"""Taken for one another, one to one, where nobody configures it otherwise."""
UNKNOWN: Final = "rate-unknown"
STALE: Final = "rate-stale"


class Rate(NamedTuple):
    """What one unit of an asset is worth. `at_ms` None: by decree, so it never grows stale."""

    price: Decimal
    at_ms: int | None


OWN: Final = Rate(Decimal(1), None)


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates into one valuation asset. The asset itself, and "" (the account's own money), are worth 1."""

    asset: str = "USD"
    rates: Mapping[str, Rate] | None = None

    def rate(self, asset: str) -> Rate | None:
        if asset in ("", self.asset):
            return OWN
        return None if self.rates is None else self.rates.get(asset)

    def doubt(self, asset: str, now_ms: int, max_age_ms: Decimal | int) -> str:
        """Why an asset cannot be valued now: "rate-unknown", "rate-stale", or "" where it can."""
        found = self.rate(asset)
        if found is None:
            return UNKNOWN
        return STALE if found.at_ms is not None and now_ms - found.at_ms > max_age_ms else ""

    def worth(self, amount: Decimal, asset: str, now_ms: int, max_age_ms: Decimal | int) -> Decimal | None:
        """The amount in the valuation asset; None where no rate, or none young enough, says."""
        found = self.rate(asset)
        if found is None or self.doubt(asset, now_ms, max_age_ms):
            return None
        return amount * found.price


def at_par(par: Iterable[str], valuation_asset: str, told: Mapping[str, Rate]) -> Rates:
    """The rates in force: par between the assets of a list that holds the valuation asset; what was told
    goes before it.
    """
    names = tuple(par)
    pegged = dict.fromkeys(names, OWN) if valuation_asset in names else {}
    return Rates(valuation_asset, {**pegged, **told})
