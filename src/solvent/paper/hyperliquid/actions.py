"""The `/exchange` endpoint: who signed, is the nonce good, may it be done; then it is done or refused in words."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from solvent.paper.hyperliquid import settings
from solvent.paper.hyperliquid.funds import Funds
from solvent.paper.hyperliquid.order_entry import Malformed, OrderDesk
from solvent.paper.hyperliquid.settings import Refused
from solvent.paper.hyperliquid.shapes import JSON, address, whole
from solvent.paper.hyperliquid.signing import USER_TYPES, BadSignature, l1_hashes, signer, user_hash
from solvent.paper.hyperliquid.users import Users
from solvent.paper.ledger import Account
from solvent.paper.world import Surroundings

CANCELS: Final = frozenset({"cancel", "cancelByCloid", "scheduleCancel"})
DONE: Final = {"status": "ok", "response": {"type": "default"}}
EARLIEST_CANCEL_MS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed action as it came in."""

    action: JSON
    nonce: int
    signature: JSON
    vault: str | None
    expires: int | None

    @property
    def kind(self) -> str:
        return str(self.action["type"])


def read_envelope(given: object) -> Envelope:
    """Raises Malformed."""
    if not isinstance(given, dict):
        raise Malformed
    action, nonce, signature = given.get("action"), whole(given.get("nonce")), given.get("signature")
    if not isinstance(action, dict) or not isinstance(action.get("type"), str) or nonce is None:
        raise Malformed
    if not isinstance(signature, dict) or not 0 <= nonce < 2**63:
        raise Malformed
    vault, expires = given.get("vaultAddress"), given.get("expiresAfter")
    if vault is not None and address(vault) is None:
        raise Malformed
    if expires is not None and (type(expires) is not int or not 0 <= expires < 2**63):
        raise Malformed
    return Envelope(action, nonce, signature, address(vault), expires)


def err(words: str) -> JSON:
    return {"status": "err", "response": words}


def ok(kind: str, data: Any) -> JSON:
    return {"status": "ok", "response": {"type": kind, "data": data}}


class Actions:
    """What signed actions do."""

    def __init__(self, around: Surroundings, users: Users, desk: OrderDesk, name: str) -> None:
        self._around, self._users, self._desk, self._name = around, users, desk, name
        self._venue = desk.venue
        self._funds = Funds(users, name)
        self._known: dict[str, Callable[[Account, Envelope], JSON]] = {
            "order": self._order,
            "cancel": self._cancel,
            "cancelByCloid": self._cancel,
            "modify": self._modify,
            "batchModify": self._modify,
            "scheduleCancel": self._schedule,
            "updateLeverage": self._leverage,
            "updateIsolatedMargin": self._isolated_margin,
            "topUpIsolatedOnlyMargin": self._top_up,
            "approveAgent": self._approve_agent,
            "approveBuilderFee": self._approve_builder,
            "setReferrer": self._nothing,
            "noop": self._nothing,
            "userSetAbstraction": self._abstraction,
            "agentSetAbstraction": self._abstraction,
            "userDexAbstraction": self._nothing,
            "agentEnableDexAbstraction": self._nothing,
        }
        for kind, method in self._funds.actions.items():
            self._known[kind] = self._moving(method)

    def answer(self, given: object) -> JSON:
        """Do a signed action. Raises Malformed for what is no action at all."""
        envelope = read_envelope(given)
        handle = self._known.get(envelope.kind)
        if handle is None:
            raise Malformed
        try:
            account = self._authorised(envelope)
            return handle(account, envelope)
        except Refused as refused:
            return err(str(refused))

    # --- who, when, how often

    def _authorised(self, envelope: Envelope) -> Account:
        """The account that the action works on. Raises Refused."""
        user_signed = envelope.kind in USER_TYPES
        try:
            if user_signed:
                digests: list[bytes] = [user_hash(envelope.action)]
            else:
                digests = list(l1_hashes(envelope.action, envelope.nonce, envelope.vault, envelope.expires))
            found = signer(digests, envelope.signature)
        except BadSignature:
            raise Refused("Unable to recover signer.") from None
        except (OverflowError, TypeError, ValueError, RecursionError, msgspec.MsgspecError):
            raise Malformed from None
        now = self._around.wall_ms(self._name)
        signed, who = self._signer(found, user_signed, now)
        if user_signed and whole(envelope.action.get("nonce", envelope.action.get("time"))) != envelope.nonce:
            raise Refused(f"Invalid nonce: nonce {envelope.nonce} differs from the action's")
        account = self._users.opened(who)
        if envelope.vault is not None and not user_signed:
            account = self._sub(who, envelope.vault)
        if envelope.expires is not None and envelope.expires < now:
            self._users.too_many(account, 5, cancels=True, now=now)
            raise Refused("Action already expired")
        if (refused := self._users.nonce_refused(signed, envelope.nonce, now)) is not None:
            raise Refused(refused)
        count = max(batch_size(envelope.action), 1)
        cancels = envelope.kind in CANCELS
        if (refused := self._users.too_many(account, count, cancels=cancels, now=now)) is not None:
            raise Refused(refused)
        return account

    def _signer(self, found: list[str], user_signed: bool, now: int) -> tuple[str, str]:
        """(who signed, whom it acts for). An agent cannot sign what users sign."""
        for each in found:
            agent = self._users.agents.get(each)
            if agent is not None and (user_signed or agent.valid_until < now):
                continue
            if (who := self._users.acting(each)) is not None:
                return each, who
        if user_signed:
            raise Refused(f"Must deposit before performing actions. User: {found[0]}")
        raise Refused(f"User or API Wallet {found[0]} does not exist.")

    def _sub(self, who: str, vault: str) -> Account:
        owner = self._users.masters.get(vault)
        if owner is None:
            raise Refused(f"Vault not registered: {vault}")
        if owner[0] != who:
            raise Refused(f"Sub-account {vault} is not registered to {who}")
        return self._users.opened(vault)

    # --- orders

    def _order(self, account: Account, envelope: Envelope) -> JSON:
        settings.builder_approved(account, envelope.action.get("builder"))
        return ok("order", {"statuses": self._desk.place(account, envelope.action)})

    def _cancel(self, account: Account, envelope: Envelope) -> JSON:
        return ok("cancel", {"statuses": self._desk.cancel(account, envelope.action.get("cancels"))})

    def _modify(self, account: Account, envelope: Envelope) -> JSON:
        action = envelope.action
        if envelope.kind == "batchModify":
            return ok("order", {"statuses": self._desk.modify(account, action.get("modifies"))})
        (status,) = self._desk.modify(account, [{"oid": action.get("oid"), "order": action.get("order")}])
        return err(status["error"]) if "error" in status else DONE

    def _schedule(self, account: Account, envelope: Envelope) -> JSON:
        """The dead man's switch: cancel everything at a wall time, unless it is put off before."""
        at = envelope.action.get("time")
        if at is None:
            account.extra.pop("cancel_at", None)
            return DONE
        if type(at) is not int:
            raise Malformed
        if at < self._around.wall_ms(self._name) + EARLIEST_CANCEL_MS:
            raise Refused("Scheduled cancel time too early, must be at least 5 seconds from now.")
        account.extra["cancel_at"] = at
        return DONE

    # --- settings and money

    def _leverage(self, account: Account, envelope: Envelope) -> JSON:
        settings.update_leverage(
            self._venue, account, self._desk, envelope.action, self._around.faults, self._name
        )
        return DONE

    def _isolated_margin(self, account: Account, envelope: Envelope) -> JSON:
        settings.update_isolated_margin(self._venue, account, self._desk, envelope.action)
        return DONE

    def _top_up(self, account: Account, envelope: Envelope) -> JSON:
        settings.top_up(self._venue, account, self._desk, envelope.action)
        return DONE

    def _approve_agent(self, account: Account, envelope: Envelope) -> JSON:
        settings.approve_agent(self._users, account, envelope.action, self._around.wall_ms(self._name))
        return DONE

    def _approve_builder(self, account: Account, envelope: Envelope) -> JSON:
        settings.approve_builder(account, envelope.action)
        return DONE

    def _abstraction(self, account: Account, envelope: Envelope) -> JSON:
        settings.set_abstraction(envelope.action)
        return DONE

    def _nothing(self, account: Account, envelope: Envelope) -> JSON:
        return DONE

    def _moving(self, method: Callable[[Account, JSON, int], Any]) -> Callable[[Account, Envelope], JSON]:
        def handle(account: Account, envelope: Envelope) -> JSON:
            data = method(account, envelope.action, envelope.nonce)
            return DONE if data is None else ok(envelope.kind, data)

        return handle


def batch_size(action: object) -> int:
    """How many orders, cancels or changes an action carries."""
    if not isinstance(action, dict):
        return 1
    lists = [action.get(name) for name in ("orders", "cancels", "modifies")]
    return max((len(each) for each in lists if isinstance(each, list)), default=1)
