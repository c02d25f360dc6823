"""Exact margin, leverage and risk for perpetual futures on several venues.

>>> import solvent
>>> report = solvent.evaluate(solvent.read_bundle("examples/accounts/hyperliquid.json"))
>>> report.equity
Decimal('13672.015')
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from solvent.api import Report, evaluate, read_bundle
    from solvent.connectors import BingXConnector, BingXService, BybitConnector, BybitService, HyperliquidConnector
    from solvent.core.account import Account, Venue
    from solvent.core.errors import BadInput, Refused, SolventError
    from solvent.core.facts import Fill, OrderRequest, OrderSide, OrderType
    from solvent.hyperliquid_client import HyperliquidClient
    from solvent.journal.errors import JournalFailed, JournalLocked
    from solvent.journal.events import Event
    from solvent.journal.record import Record
    from solvent.risk.gate import RiskDecision
    from solvent.risk.verdict import Verdict
    from solvent.runtime.config import RiskConfig
    from solvent.runtime.file_journal import AuditLogger
    from solvent.runtime.leverage_sync import LeverageSync
    from solvent.runtime.risk_manager import RiskManager
    from solvent.runtime.tracker import PositionTracker

_HOMES = {
    "Account": "solvent.core.account",
    "AuditLogger": "solvent.runtime.file_journal",
    "BadInput": "solvent.core.errors",
    "BingXConnector": "solvent.connectors",
    "BingXService": "solvent.connectors",
    "BybitConnector": "solvent.connectors",
    "BybitService": "solvent.connectors",
    "Event": "solvent.journal.events",
    "Fill": "solvent.core.facts",
    "HyperliquidClient": "solvent.hyperliquid_client",
    "HyperliquidConnector": "solvent.connectors",
    "JournalFailed": "solvent.journal.errors",
    "JournalLocked": "solvent.journal.errors",
    "LeverageSync": "solvent.runtime.leverage_sync",
    "OrderRequest": "solvent.core.facts",
    "OrderSide": "solvent.core.facts",
    "OrderType": "solvent.core.facts",
    "PositionTracker": "solvent.runtime.tracker",
    "Record": "solvent.journal.record",
    "Refused": "solvent.core.errors",
    "Report": "solvent.api",
    "RiskConfig": "solvent.runtime.config",
    "RiskDecision": "solvent.risk.gate",
    "RiskManager": "solvent.runtime.risk_manager",
    "SolventError": "solvent.core.errors",
    "Venue": "solvent.core.account",
    "Verdict": "solvent.risk.verdict",
    "evaluate": "solvent.api",
    "read_bundle": "solvent.api",
}

__all__ = [
    "Account",
    "AuditLogger",
    "BadInput",
    "BingXConnector",
    "BingXService",
    "BybitConnector",
    "BybitService",
    "Event",
    "Fill",
    "HyperliquidClient",
    "HyperliquidConnector",
    "JournalFailed",
    "JournalLocked",
    "LeverageSync",
    "OrderRequest",
    "OrderSide",
    "OrderType",
    "PositionTracker",
    "Record",
    "Refused",
    "Report",
    "RiskConfig",
    "RiskDecision",
    "RiskManager",
    "SolventError",
    "Venue",
    "Verdict",
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
