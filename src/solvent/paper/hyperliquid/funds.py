"""Money: between perpetuals and spot, users, sub-accounts and the bridge. Refused in the venue's words."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from solvent.paper.hyperliquid.margin import Margins
from solvent.paper.hyperliquid.order_entry import Malformed
from solvent.paper.hyperliquid.settings import Refused
from solvent.paper.hyperliquid.shapes import CENT, JSON, address, digest, money, plain, whole
from solvent.paper.hyperliquid.users import Users
from solvent.paper.ledger import Account
from solvent.paper.units import ONE

WITHDRAW_FEE: Final = ONE
MOST_SUBS: Final = 10
USDC: Final = frozenset({"USDC", "USDC:0x6d1e7cde53ba9467b783cb7c530ce054"})


class Funds:
    """Movements of one exchange. Spot balances are USDC in `account.extra["spot"]`."""

    def __init__(self, users: Users, name: str) -> None:
        self._users, self._name = users, name
        self._venue = users.venue
        self.actions: Mapping[str, Callable[[Account, JSON, int], Any]] = {
            "usdClassTransfer": self._class_transfer,
            "usdSend": self._usd_send,
            "spotSend": self._spot_send,
            "sendAsset": self._send_asset,
            "withdraw3": self._withdraw,
            "createSubAccount": self._create_sub,
            "subAccountModify": self._rename_sub,
            "subAccountTransfer": self._sub_transfer,
        }

    def deposit(self, account: Account, amount: int) -> None:
        self._perp(account, amount, {"type": "deposit", "usdc": money(amount)})

    # --- pockets

    def _perp(self, account: Account, amount: int, delta: JSON) -> None:
        self._venue.move(account, str(delta["type"]), amount, asset="USDC", other=json.dumps(delta))

    def _spot(self, account: Account, amount: int, delta: JSON | None) -> None:
        account.extra["spot"] = account.extra.get("spot", 0) + amount
        if delta is not None:
            self._venue.move(account, str(delta["type"]), 0, asset="USDC", other=json.dumps(delta))

    def _takeable(self, account: Account, amount: int, words: str) -> None:
        if amount > Margins(self._venue, account).withdrawable():
            raise Refused(words)

    def _spot_takeable(self, account: Account, amount: int) -> None:
        if amount > account.extra.get("spot", 0):
            raise Refused("Insufficient balance for token transfer")

    # --- actions

    def _class_transfer(self, account: Account, action: JSON, nonce: int) -> None:
        """Between the spot balance and perpetuals, of the user or of a sub-account named in the amount."""
        given, to_perp = action.get("amount"), action.get("toPerp")
        if not isinstance(given, str) or type(to_perp) is not bool:
            raise Malformed
        number, _, sub = given.partition(" subaccount:")
        amount = _amount(number)
        if sub:
            account = self._own_sub(account, sub)
        delta: JSON = {"type": "accountClassTransfer", "usdc": money(amount), "toPerp": to_perp}
        if to_perp:
            self._spot_takeable(account, amount)
            self._spot(account, -amount, None)
            self._perp(account, amount, delta)
        else:
            self._takeable(account, amount, "Insufficient balance for withdrawal")
            self._perp(account, -amount, delta)
            self._spot(account, amount, None)

    def _usd_send(self, account: Account, action: JSON, nonce: int) -> None:
        amount, to = _amount(action.get("amount")), address(action.get("destination"))
        if to is None:
            raise Malformed
        self._takeable(account, amount, "Insufficient balance for withdrawal")
        other = self._users.opened(to)
        delta: JSON = {
            "type": "internalTransfer",
            "usdc": money(amount),
            "user": account.name,
            "destination": to,
            "fee": "0.0",
        }
        self._perp(account, -amount, delta)
        self._perp(other, amount, delta)

    def _spot_send(self, account: Account, action: JSON, nonce: int) -> None:
        amount, to = _amount(action.get("amount")), address(action.get("destination"))
        if to is None or action.get("token") not in USDC:
            raise Malformed if to is None else Refused("Insufficient balance for token transfer")
        self._spot_takeable(account, amount)
        delta: JSON = {
            "type": "spotTransfer",
            "token": "USDC",
            "amount": money(amount),
            "usdcValue": money(amount),
            "user": account.name,
            "destination": to,
            "fee": "0.0",
        }
        self._spot(account, -amount, delta)
        self._spot(self._users.opened(to), amount, delta)

    def _send_asset(self, account: Account, action: JSON, nonce: int) -> None:
        """Between perpetuals ("") and spot ("spot") of any two addresses."""
        amount, to = _amount(action.get("amount")), address(action.get("destination"))
        source, target, sub = action.get("sourceDex"), action.get("destinationDex"), action.get("fromSubAccount")
        if to is None or not all(isinstance(n, str) for n in (source, target, sub)):
            raise Malformed
        if action.get("token") not in USDC or source not in ("", "spot") or target not in ("", "spot"):
            raise Refused("Insufficient balance for token transfer")
        if sub:
            account = self._own_sub(account, str(sub))
        delta: JSON = {
            "type": "send",
            "user": account.name,
            "destination": to,
            "sourceDex": source,
            "destinationDex": target,
            "token": "USDC",
            "amount": money(amount),
            "usdcValue": money(amount),
            "fee": "0.0",
            "nativeTokenFee": "0.0",
            "nonce": nonce,
            "feeToken": "",
        }
        if source == "spot":
            self._spot_takeable(account, amount)
            self._spot(account, -amount, delta)
        else:
            self._takeable(account, amount, "Insufficient balance for withdrawal")
            self._perp(account, -amount, delta)
        other = self._users.opened(to)
        mirrored = delta if other is not account else None
        if target == "spot":
            self._spot(other, amount, mirrored)
        else:
            self._venue.move(
                other,
                "send",
                amount,
                asset="USDC",
                other="" if mirrored is None else json.dumps(mirrored),
            )

    def _withdraw(self, account: Account, action: JSON, nonce: int) -> None:
        amount, to = _amount(action.get("amount")), address(action.get("destination"))
        if to is None:
            raise Malformed
        if amount <= WITHDRAW_FEE:
            raise Refused("Insufficient balance for withdrawal")
        self._takeable(account, amount, "Insufficient balance for withdrawal")
        delta: JSON = {
            "type": "withdraw",
            "usdc": money(amount - WITHDRAW_FEE),
            "nonce": nonce,
            "fee": money(WITHDRAW_FEE),
        }
        self._perp(account, -amount, delta)

    def _create_sub(self, account: Account, action: JSON, nonce: int) -> str:
        name = action.get("name")
        if not isinstance(name, str):
            raise Malformed
        if not 0 < len(name) <= 16:
            raise Refused("Sub-account name must be between 1 and 16 characters.")
        mine = self._users.subs(account.name)
        if len(mine) >= MOST_SUBS or account.name in self._users.masters:
            raise Refused("Cannot create more sub-accounts.")
        if any(known == name for _, known in mine):
            raise Refused(f"Sub-account name already used: {name}")
        made = "0x" + digest("sub", account.name, len(mine), name)[2:42]
        self._users.masters[made] = (account.name, name)
        self._users.opened(made)
        return made

    def _rename_sub(self, account: Account, action: JSON, nonce: int) -> None:
        sub, name = self._own_sub(account, action.get("subAccountUser")), action.get("name")
        if not isinstance(name, str) or not 0 < len(name) <= 16:
            raise Malformed
        self._users.masters[sub.name] = (account.name, name)

    def _sub_transfer(self, account: Account, action: JSON, nonce: int) -> None:
        usd, into = whole(action.get("usd")), action.get("isDeposit")
        if usd is None or usd <= 0 or type(into) is not bool:
            raise Malformed
        sub, amount = self._own_sub(account, action.get("subAccountUser")), usd * CENT
        source, target = (account, sub) if into else (sub, account)
        self._takeable(source, amount, "Insufficient balance for withdrawal")
        delta: JSON = {
            "type": "subAccountTransfer",
            "usdc": money(amount),
            "user": source.name,
            "destination": target.name,
        }
        self._perp(source, -amount, delta)
        self._perp(target, amount, delta)

    def _own_sub(self, account: Account, given: object) -> Account:
        sub = address(given)
        if sub is None:
            raise Malformed
        owner = self._users.masters.get(sub)
        if owner is None or owner[0] != account.name:
            raise Refused(f"Sub-account {sub} is not registered to {account.name}")
        return self._users.opened(sub)


def _amount(given: object) -> int:
    """An amount of USDC above 0, of at most six decimals."""
    amount = plain(given)
    if not amount or amount % CENT:
        raise Malformed
    return amount
