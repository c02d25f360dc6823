"""Exact margin, leverage and risk for perpetual futures on several venues.

>>> import solvent
>>> report = solvent.evaluate(solvent.read_bundle("examples/accounts/hyperliquid.json"))
>>> report.equity
Decimal('15230.405')
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from solvent.api import Report, evaluate, read_bundle
    from solvent.core.account import Account, Venue
    from solvent.core.errors import BadInput, Refused, SolventError
    from solvent.core.facts import Fill, OrderRequest, OrderSide, OrderType
    from solvent.runtime.tracker import PositionTracker

_HOMES = {
    "Account": "solvent.core.account",
    "BadInput": "solvent.core.errors",
    "Fill": "solvent.core.facts",
    "OrderRequest": "solvent.core.facts",
    "OrderSide": "solvent.core.facts",
    "OrderType": "solvent.core.facts",
    "PositionTracker": "solvent.runtime.tracker",
    "Refused": "solvent.core.errors",
    "Report": "solvent.api",
    "SolventError": "solvent.core.errors",
    "Venue": "solvent.core.account",
    "evaluate": "solvent.api",
    "read_bundle": "solvent.api",
}

__all__ = [
    "Account",
    "BadInput",
    "Fill",
    "OrderRequest",
    "OrderSide",
    "OrderType",
    "PositionTracker",
    "Refused",
    "Report",
    "SolventError",
    "Venue",
    "evaluate",
    "read_bundle",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import solvent` stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'solvent' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
