"""Hyperliquid's client: `connect(account=...)` reads, with a key it trades; agents, sub-accounts, vaults too."""

from decimal import Decimal
from typing import Any

from solvent.core.account import Venue
from solvent.core.errors import BadInput
from solvent.venues.hyperliquid import encode
from solvent.venues.hyperliquid.sign import checked_address
from solvent.venues.hyperliquid.trade import HyperliquidTrader
from solvent.venues.keys import Credentials


class HyperliquidVenue(HyperliquidTrader):
    """The trader, and what only Hyperliquid has: agents, sub-accounts, money between spot and perpetuals."""

    async def approve_agent(self, agent: str, name: str = "") -> None:
        """Let another key trade for this account (it can never take money out). Signed by the account's own key.

        `name` "" is the one unnamed agent, which replaces the last. "name valid_until <ms>" ends it early.
        """
        action: dict[str, Any] = {
            "type": "approveAgent",
            "agentAddress": checked_address(agent, "agent"),
            "agentName": name,
        }
        await self._as_user(action, f"approval of agent {action['agentAddress']}")

    async def transfer_to_perp(self, amount: Decimal) -> None:
        """Move USDC from the spot account to the perpetuals (negative: back), at most 6 decimals.

        It cannot be read back: where the answer is lost, UnknownOutcome says so, and the balances tell.
        """
        if not amount:
            raise BadInput("amount", "an amount other than 0", amount)
        encode.usd_integer(Decimal(amount), "amount")
        shown = encode.wire_number(abs(Decimal(amount)), "amount")
        who = await self.who()
        sub = "" if who.vault is None else f" subaccount:{who.vault}"
        action = {"type": "usdClassTransfer", "amount": shown + sub, "toPerp": amount > 0}
        await self._as_user(action, f"transfer of {shown} USDC")

    async def transfer_to_sub_account(self, sub_account: str, amount: Decimal) -> None:
        """Move USDC of the perpetuals to a sub-account (negative: back). Read back as `transfer_to_perp`."""
        action = encode.sub_account_transfer_action(
            checked_address(sub_account, "sub_account"), abs(Decimal(amount)), deposit=amount > 0
        )
        await self._rest.act(action, f"transfer to sub-account {sub_account}")

    async def _as_user(self, action: dict[str, Any], what: str) -> None:
        who, signer = await self.who(), self._rest.signer
        if signer is not None and who.vault is None and who.account != signer.address:
            raise BadInput(
                "private_key", "the account's own key: an agent's cannot sign this", f"<{signer.address}>"
            )
        await self._rest.act_as_user(action, "nonce", what)


def connect(
    *,
    account: str | None = None,
    base_url: str | None = None,
    testnet: bool = False,
    credentials: Credentials | None = None,
    **options: Any,
) -> HyperliquidVenue:
    """A client of one account: `async with connect(account=...) as venue`.

    `account`: an address, or "address/name" of a sub-account; without it, that of the key or of the credentials.
    `credentials` None: it is only read. `options` are those of `HyperliquidReader` (dexes, owner, slippage, ...).
    Raises BadInput where there is neither account nor key, or credentials are another venue's.
    """
    key = None if credentials is None else credentials.of(Venue.HYPERLIQUID).private_key
    named = account or (None if credentials is None else credentials.address)
    if named is None and key is None:
        raise BadInput(
            "account",
            "an address (SOLVENT_HYPERLIQUID_ADDRESS), or a key to trade (SOLVENT_HYPERLIQUID_PRIVATE_KEY)",
            "<neither>",
        )
    if named is not None:
        checked_address(named.partition("/")[0], "account")
    return HyperliquidVenue(named, base_url=base_url, testnet=testnet, private_key=key, **options)


__all__ = ["HyperliquidVenue", "connect"]
