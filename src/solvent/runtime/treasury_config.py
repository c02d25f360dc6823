"""The treasury's configuration: one TOML file that names sources, budgets, policies and what transfers cost."""

import os
import tomllib
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import msgspec

from solvent.core.account import Mode, Venue
from solvent.core.errors import BadInput
from solvent.core.numbers import parse_decimal
from solvent.runtime.sources import BundleSource, SolanaSource, Source, VenueSource
from solvent.runtime.treasury import EVERY_S, SNAPSHOT_EVERY_S, Rules
from solvent.treasury.allocation import HOME_CHAIN, MAX_AGE_MS, Budgets
from solvent.treasury.rebalance import TRIGGER, TransferCost
from solvent.treasury.settings import LeveragePolicy, Policy
from solvent.venues.solana import USDC_MINT

MAX_BYTES: Final = 1024 * 1024


class SourceWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[source]]`. `endpoint_env` names a variable that holds the endpoint, which often holds a key."""

    chain: str
    account: str | None = None
    bundle: str | None = None
    base_url: str | None = None
    indexer_url: str | None = None
    testnet: bool = False
    owner: str | None = None
    endpoint: str | None = None
    endpoint_env: str | None = None
    mint: str = USDC_MINT


class BudgetWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    venues: dict[str, Decimal] = {}
    strategies: dict[str, Decimal] = {}
    instruments: dict[str, Decimal] = {}
    default_venue: Decimal = Decimal(1)
    default_strategy: Decimal = Decimal(1)
    default_instrument: Decimal = Decimal(1)


class PolicyWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    policy: Policy = Policy.FIXED
    leverage: Decimal = Decimal(1)
    cap: Decimal = Decimal(1)
    mode: Mode = Mode.CROSS


class CostWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    flat: Decimal = Decimal(0)
    rate: Decimal = Decimal(0)
    least: Decimal = Decimal("0.01")


class TreasuryConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file. Paths are relative to its folder."""

    database: str = ""
    journal: str = ""
    home_chain: str = HOME_CHAIN
    every_seconds: float = EVERY_S
    snapshot_every_seconds: float = SNAPSHOT_EVERY_S
    max_age_seconds: float = MAX_AGE_MS / 1000
    trigger: Decimal = Decimal(TRIGGER.numerator) / TRIGGER.denominator
    source: list[SourceWords] = []
    budgets: BudgetWords = BudgetWords()
    leverage: dict[str, PolicyWords] = {}
    transfer_costs: dict[str, CostWords] = {}

    def rules(self) -> Rules:
        """Budgets and policies, checked. Raises BadInput naming the field."""
        return Rules(
            budgets=Budgets(**msgspec.structs.asdict(self.budgets)),
            home_chain=self.home_chain,
            max_age_ms=round(self.max_age_seconds * 1000),
            policies={n: LeveragePolicy(**msgspec.structs.asdict(p)) for n, p in self.leverage.items()},
        )

    def costs(self) -> dict[str, TransferCost]:
        """What leaving each venue costs."""
        return {name: cost_of(c.flat, c.rate, c.least) for name, c in self.transfer_costs.items()}


def cost_of(flat: Decimal, rate: Decimal, least: Decimal = Decimal("0.01")) -> TransferCost:
    """A cost from decimals. Raises BadInput."""
    parts = [Fraction(parse_decimal(v, n)) for n, v in (("flat", flat), ("rate", rate), ("least", least))]
    return TransferCost(flat=parts[0], rate=parts[1], least=parts[2])


def read_config(path: Path) -> TreasuryConfig:
    """The file, with its paths made whole. Raises BadInput naming the file and the field."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(str(path), f"a file of at most {MAX_BYTES} bytes", "<larger>")
        said = tomllib.loads(path.read_text(), parse_float=_decimal)
        found = msgspec.convert(said, TreasuryConfig, dec_hook=_number)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(path), "a readable file", f"<{error}>") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadInput(str(path), "a treasury's configuration", f"<{error}>") from None
    found.rules(), found.costs()
    database = found.database
    if database and "://" not in database:
        database = str(path.parent / database)
    journal = str(path.parent / found.journal) if found.journal else ""
    return msgspec.structs.replace(
        found, database=database, journal=journal, source=[_placed(s, path.parent) for s in found.source]
    )


def _decimal(text: str) -> Decimal:
    return parse_decimal(text, "a number")


def _number(kind: type[Any], value: Any) -> Any:
    if kind is float and isinstance(value, Decimal):
        return float(value)
    raise NotImplementedError(f"{kind} from {type(value).__name__}")


def _placed(source: SourceWords, folder: Path) -> SourceWords:
    if source.bundle is None:
        return source
    return msgspec.structs.replace(source, bundle=str(folder / source.bundle))


def source_of(words: SourceWords) -> Source:
    """The source that the words name. Raises BadInput naming what is missing."""
    if words.chain == "solana":
        endpoint = words.endpoint
        if words.endpoint_env is not None:
            endpoint = os.environ.get(words.endpoint_env)
        if not endpoint:
            raise BadInput(
                "source.endpoint", "an endpoint, or endpoint_env naming a variable that is set", "<none>"
            )
        if not words.owner:
            raise BadInput("source.owner", "the owner's address", "<none>")
        return SolanaSource(endpoint, words.owner, mint=words.mint)
    try:
        venue = Venue(words.chain)
    except ValueError:
        raise BadInput("source.chain", f"one of solana, {', '.join(Venue)}", words.chain) from None
    if words.bundle is not None:
        return BundleSource(Path(words.bundle), venue, words.account or "")
    return VenueSource(
        venue, words.account, base_url=words.base_url, testnet=words.testnet, indexer_url=words.indexer_url
    )


__all__ = ["SourceWords", "TreasuryConfig", "cost_of", "read_config", "source_of"]
