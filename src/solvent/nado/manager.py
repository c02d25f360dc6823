"""MarginManager: the documented way to ask for a Nado subaccount's margin figures."""

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import ClassVar, Self

from solvent.core.errors import BadInput
from solvent.core.numbers import parse_decimal
from solvent.margin.nado_health import account_health, contributions
from solvent.nado import metrics
from solvent.nado.account import (
    QUOTE_PRODUCT_ID,
    Holding,
    decode_account,
    holding_of,
    isolated_holding,
    positions_of,
)
from solvent.nado.models import (
    AccountSummary,
    BalanceWithProduct,
    CrossPositionMetrics,
    HealthMetrics,
    IsolatedPositionMetrics,
    MarginUsageFractions,
)
from solvent.nado.numbers import EXACT, ZERO, decimal_from_x18
from solvent.nado.snapshot import Client, fetch
from solvent.venues.nado.wire import IsolatedPosition, read_row


class MarginManager:
    """Margin figures of one subaccount. Decodes the bodies at once; computes when asked, without I/O.

    `subaccount_info`: the engine's data, as decoded JSON, as the official SDK's object or as a wire struct.
    `isolated_positions`, `indexer_snapshot_events`: a body or the list in it. `symbols`: the engine's symbols,
    for names instead of "Product_<id>". `health_groups`: the spot-perp pairs that earn a spread bonus, as a
    body or a list of pairs; without it `solvent.core.nado_pairs.SPREAD_PAIRS`.
    Raises BadInput naming the field that is not as it must be.
    """

    QUOTE_PRODUCT_ID: ClassVar[int] = QUOTE_PRODUCT_ID

    def __init__(
        self,
        subaccount_info: object,
        isolated_positions: object = None,
        indexer_snapshot_events: object = None,
        *,
        symbols: object = None,
        health_groups: object = None,
    ) -> None:
        self._account = decode_account(
            subaccount_info, isolated_positions, indexer_snapshot_events, symbols, health_groups
        )

    @classmethod
    def from_client(
        cls,
        client: Client,
        *,
        subaccount: str | None = None,
        subaccount_name: str = "default",
        include_indexer_events: bool = True,
        snapshot_timestamp: int | None = None,
        snapshot_isolated: bool | None = False,
        snapshot_active_only: bool = True,
        health_groups: object = None,
    ) -> Self:
        """Ask the venue through the official client, or through anything of the shape `snapshot.Client`.

        `subaccount` is 32 bytes of hexadecimal; without it the client's signer and `subaccount_name` say which.
        `snapshot_timestamp` is in seconds and defaults to now. Raises ValueError where neither a subaccount nor
        a signer is there, BadInput as the constructor does, and whatever the client raises.
        """
        bodies = fetch(
            client,
            subaccount,
            subaccount_name,
            include_indexer_events=include_indexer_events,
            timestamp=snapshot_timestamp,
            isolated=snapshot_isolated,
            active_only=snapshot_active_only,
        )
        return cls(bodies.info, bodies.isolated, bodies.events, health_groups=health_groups)

    def calculate_account_summary(self) -> AccountSummary:
        """Every figure of the account, computed now from its balances, prices and weights."""
        with localcontext(EXACT):
            return metrics.summary_of(self._account)

    def calculate_spot_balance_value(self, balance: BalanceWithProduct) -> Decimal:
        """amount * oracle price, in quote; negative for a borrow."""
        return self._value(self._holding(balance))

    def calculate_perp_balance_notional_value(self, balance: BalanceWithProduct) -> Decimal:
        """|amount * oracle price|, in quote."""
        return self._value(self._holding(balance)).copy_abs()

    def calculate_perp_balance_value(self, balance: BalanceWithProduct) -> Decimal:
        """What closing the perp at the oracle price would leave: amount * oracle price + v_quote, in quote.

        Raises BadInput where the balance has no `v_quote_balance`.
        """
        holding = self._holding(balance)
        return EXACT.add(self._value(holding), _v_quote(holding))

    def calculate_spot_balance_health(self, balance: BalanceWithProduct) -> HealthMetrics:
        """amount * weight of its side * oracle price, truncated as the contract does; without a perp's v_quote."""
        health = self._holding(balance).health
        initial, maintenance, _ = contributions(health._replace(v_quote=0))
        return HealthMetrics(decimal_from_x18(initial), decimal_from_x18(maintenance))

    def calculate_perp_balance_health_without_pnl(self, balance: BalanceWithProduct) -> HealthMetrics:
        """-notional * |1 - weight of its side|: the margin a perp asks for, as a negative number."""
        holding = self._holding(balance)
        with localcontext(EXACT):
            notional = abs(self._value(holding))
            return HealthMetrics(
                -(notional * holding.margin_rate), -(notional * abs(1 - holding.maintenance_weight))
            )

    def calculate_cross_position_margin_without_pnl(self, balance: BalanceWithProduct) -> Decimal:
        """The margin a cross perp uses as the venue's app shows it (NM-6).

        max(0, perp value - true initial contribution). Raises BadInput without `v_quote_balance`.
        """
        holding = self._holding(balance)
        with localcontext(EXACT):
            value = self._value(holding) + _v_quote(holding)
            return max(ZERO, value - decimal_from_x18(contributions(holding.health)[0]))

    def calculate_isolated_position_net_margin(
        self, base_balance: BalanceWithProduct, quote_balance: BalanceWithProduct
    ) -> Decimal:
        """Quote amount + perp value: what the isolated pool is worth, in quote."""
        return EXACT.add(
            self._holding(quote_balance).shown.amount, self.calculate_perp_balance_value(base_balance)
        )

    def calculate_isolated_position_leverage(
        self, base_balance: BalanceWithProduct, net_margin: Decimal
    ) -> Decimal:
        """notional / net margin; Infinity where a position has no margin left, 0 without a position."""
        notional = self.calculate_perp_balance_notional_value(base_balance)
        return metrics.isolated_leverage(notional, parse_decimal(net_margin, "net_margin"))

    def calculate_margin_usage_fractions(
        self, initial_health: Decimal, maint_health: Decimal, unweighted_health: Decimal
    ) -> MarginUsageFractions:
        """Usage of the given healths, less what this account's zero-health products add to the unweighted one.

        0 for an account without borrows or perps.
        """
        account = self._account
        if not self._at_risk():
            return MarginUsageFractions(ZERO, ZERO)
        unbacked = [contributions(account.balances[place]) for place in account.zero_health]
        with localcontext(EXACT):
            base = unweighted_health - metrics.zero_health_value(unbacked)
            return MarginUsageFractions(metrics.usage(initial_health, base), metrics.usage(maint_health, base))

    def calculate_account_leverage(
        self, balances: Iterable[BalanceWithProduct], unweighted_health: Decimal
    ) -> Decimal:
        """Notional of the balances that are neither quote nor zero-health, over unweighted health less the latter.

        0 for an account without borrows or perps.
        """
        if not self._at_risk():
            return ZERO
        held = [self._holding(balance) for balance in balances]
        unbacked = [contributions(holding.health) for holding in held if holding.zero_health]
        with localcontext(EXACT):
            base = unweighted_health - metrics.zero_health_value(unbacked)
            exposed = [abs(self._value(holding)) for holding in held if holding.exposed]
            return metrics.leverage(sum(exposed, ZERO), base)

    def calculate_cross_position_metrics(self, balance: BalanceWithProduct) -> CrossPositionMetrics:
        """Metrics of a perp as a position of this account; its liquidation price uses the account's health.

        Raises BadInput without `v_quote_balance`.
        """
        account, holding = self._account, self._holding(balance)
        _v_quote(holding)
        _, maintenance, _ = account_health(account.balances, account.pairs).levels
        position = positions_of([holding], account.entries)
        with localcontext(EXACT):
            parts = [contributions(holding.health)]
            return metrics.cross_metrics(position, parts, decimal_from_x18(maintenance))[0]

    def calculate_isolated_position_metrics(self, iso_pos: object) -> IsolatedPositionMetrics:
        """Metrics of one row of `isolated_positions`. Raises BadInput."""
        at = "isolated_position"
        pocket = isolated_holding(read_row(iso_pos, IsolatedPosition, at), at, self._account.symbols)
        health = account_health((pocket.quote.health, pocket.base.health), ())
        with localcontext(EXACT):
            return metrics.isolated_metrics(pocket, health)

    def _holding(self, balance: BalanceWithProduct) -> Holding:
        return holding_of(balance, self._account.symbols)

    def _value(self, holding: Holding) -> Decimal:
        return EXACT.multiply(holding.shown.amount, holding.shown.oracle_price)

    def _at_risk(self) -> bool:
        """Whether the cross account owes something or has an open perp."""
        spots = self._account.held_spots
        return bool(self._account.positions.sizes) or any(spot.health.amount < 0 for spot in spots)


def _v_quote(holding: Holding) -> Decimal:
    quote = holding.shown.v_quote_balance
    if quote is None:
        raise BadInput(f"product {holding.shown.product_id}.v_quote_balance", "a number for a perp", None)
    return quote
