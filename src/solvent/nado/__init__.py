"""The documented margin API of Nado: health, usage, leverage and position metrics of a subaccount.

    from solvent.nado import MarginManager, print_account_summary

    manager = MarginManager(subaccount_info, isolated_positions, indexer_snapshot_events=events)
    print_account_summary(manager.calculate_account_summary())

Where it differs from the venue's own library, and why: docs/spec/nado-manager.md.
"""

from solvent.nado.balances import (
    calculate_perp_balance_notional_value,
    calculate_perp_balance_value,
    calculate_spot_balance_value,
    calculate_total_perp_notional,
    calculate_total_perp_value,
    calculate_total_spot_deposits_and_borrows,
    parse_perp_balance_notional_value,
    parse_perp_balance_value,
    parse_spot_balance_value,
)
from solvent.nado.clients import (
    EngineClientOpts,
    EngineQueryClient,
    IndexerAccountSnapshotsParams,
    IndexerClientOpts,
    IndexerQueryClient,
    NadoClient,
    NadoClientContextOpts,
    NadoClientMode,
    create_nado_client,
)
from solvent.nado.manager import MarginManager
from solvent.nado.models import (
    AccountSummary,
    BalanceWithProduct,
    CrossPositionMetrics,
    Difference,
    HealthMetrics,
    IsolatedPositionMetrics,
    MarginUsageFractions,
)
from solvent.nado.numbers import from_x18
from solvent.nado.subaccounts import subaccount_to_hex
from solvent.nado.summary_text import print_account_summary

__all__ = [
    "AccountSummary",
    "BalanceWithProduct",
    "CrossPositionMetrics",
    "Difference",
    "EngineClientOpts",
    "EngineQueryClient",
    "HealthMetrics",
    "IndexerAccountSnapshotsParams",
    "IndexerClientOpts",
    "IndexerQueryClient",
    "IsolatedPositionMetrics",
    "MarginManager",
    "MarginUsageFractions",
    "NadoClient",
    "NadoClientContextOpts",
    "NadoClientMode",
    "calculate_perp_balance_notional_value",
    "calculate_perp_balance_value",
    "calculate_spot_balance_value",
    "calculate_total_perp_notional",
    "calculate_total_perp_value",
    "calculate_total_spot_deposits_and_borrows",
    "create_nado_client",
    "from_x18",
    "parse_perp_balance_notional_value",
    "parse_perp_balance_value",
    "parse_spot_balance_value",
    "print_account_summary",
    "subaccount_to_hex",
]
