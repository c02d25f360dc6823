"""Whose account a key trades: its own, its owner's (an agent), a sub-account's or a vault's."""

from dataclasses import dataclass
from typing import Any

from solvent.core.errors import BadInput
from solvent.venues import envelope
from solvent.venues.hyperliquid import wire
from solvent.venues.hyperliquid.rest import Rest
from solvent.venues.hyperliquid.sign import checked_address


@dataclass(frozen=True, slots=True)
class Identity:
    """The account that is read, and the `vaultAddress` that its actions name."""

    account: str
    vault: str | None = None


async def identify(rest: Rest, account: str | None) -> Identity:
    """Who is traded for. An agent's own address has an empty account: it is never taken for one.

    `account`: an address, or "address/name" of a sub-account. Raises BadInput where key and account do not belong
    together, or neither is given.
    """
    signer = None if rest.signer is None else rest.signer.address
    given = None if account is None else await _address(rest, account)
    if given is None and signer is None:
        raise BadInput(
            "account",
            "an address to read, or a key: SOLVENT_HYPERLIQUID_ADDRESS, SOLVENT_HYPERLIQUID_PRIVATE_KEY",
            "<neither>",
        )
    role = await _role(rest, given or str(signer))
    owner = role.data.user if role.data is not None else None
    if given is None or given == signer:
        if role.role == "agent" and owner is not None:
            return Identity(checked_address(owner, "userRole.data.user"))
        return Identity(str(signer))
    if role.role == "agent":
        raise BadInput("account", f"an account, not the address of an agent (its account is {owner})", given)
    if signer is None:
        return Identity(given)
    if role.role in ("subAccount", "vault"):
        return Identity(given, vault=given)
    mine = await _role(rest, signer)
    owner = mine.data.user if mine.data is not None else None
    if mine.role != "agent" or owner is None or owner.lower() != given:
        raise BadInput("account", f"the account of the key ({signer}), or one that it is an agent of", given)
    return Identity(given)


async def _address(rest: Rest, account: str) -> str:
    address, _, name = account.partition("/")
    master = checked_address(address, "account")
    if not name:
        return master
    rows: Any = await rest.info("subAccounts", user=master)
    for row in envelope.decode(rows or [], list[wire.SubAccount], "subAccounts"):
        if row.name == name:
            return checked_address(row.sub_account_user, "subAccounts.subAccountUser")
    raise BadInput("account", f"the name of a sub-account of {master}", name)


async def _role(rest: Rest, address: str) -> wire.Role:
    return envelope.decode(await rest.info("userRole", user=address), wire.Role, "userRole")


__all__ = ["Identity", "identify"]
