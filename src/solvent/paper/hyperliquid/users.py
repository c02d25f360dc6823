"""Who is who: addresses, agents that sign for them, sub-accounts, nonces and request counts."""

from dataclasses import dataclass, field
from typing import Final

from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account
from solvent.paper.units import ONE

NONCES_KEPT: Final = 100
NONCE_PAST_MS: Final = 2 * 86_400_000
NONCE_AHEAD_MS: Final = 86_400_000
FREE_REQUESTS: Final = 10_000
EXTRA_CANCELS: Final = 100_000


@dataclass(slots=True)
class Agent:
    owner: str
    name: str
    valid_until: int


@dataclass(slots=True)
class Usage:
    """How often an address has asked. The cap grows with what it traded."""

    requests: int = 0
    last: int = 0
    """Wall time of the last one that passed beyond the cap."""


@dataclass(slots=True)
class Users:
    """All addresses are lower case; an account's name is its address."""

    venue: Exchange
    agents: dict[str, Agent] = field(default_factory=dict)
    masters: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Sub-account -> (its master, its name)."""
    usage: dict[str, Usage] = field(default_factory=dict)
    _nonces: dict[str, list[int]] = field(default_factory=dict)

    def known(self, who: str) -> Account | None:
        return self.venue.accounts.get(who)

    def opened(self, who: str) -> Account:
        """The account of an address, made where there is none: money can be sent to any address."""
        return self.venue.open_account(who)

    def acting(self, signer: str) -> str | None:
        """Whom a signer acts for: itself, or the owner whose agent it is."""
        agent = self.agents.get(signer)
        if agent is not None:
            return agent.owner
        return signer if signer in self.venue.accounts and signer not in self.masters else None

    def subs(self, master: str) -> list[tuple[str, str]]:
        return [(sub, name) for sub, (owner, name) in self.masters.items() if owner == master]

    def nonce_refused(self, signer: str, nonce: int, now: int) -> str | None:
        """Why a nonce is not taken; takes it where nothing speaks against it."""
        kept = self._nonces.setdefault(signer, [])
        if nonce in kept:
            return f"Invalid nonce: duplicate nonce {nonce}"
        if nonce < now - NONCE_PAST_MS:
            return f"Invalid nonce: nonce too low {nonce} < {now - NONCE_PAST_MS}"
        if nonce > now + NONCE_AHEAD_MS:
            return f"Invalid nonce: nonce too high {nonce} > {now + NONCE_AHEAD_MS}"
        if len(kept) >= NONCES_KEPT:
            if nonce < min(kept):
                return f"Invalid nonce: nonce too low {nonce} < {min(kept)}"
            kept.remove(min(kept))
        kept.append(nonce)
        return None

    def cap(self, account: Account) -> int:
        return FREE_REQUESTS + account.volume // ONE

    def too_many(self, account: Account, count: int, *, cancels: bool, now: int) -> str | None:
        """Count requests of an address; why they are refused, where they are too many."""
        usage = self.usage.setdefault(account.name, Usage())
        cap = self.cap(account)
        allowed = min(cap + EXTRA_CANCELS, 2 * cap) if cancels else cap
        if usage.requests + count > allowed and now - usage.last < 10_000:
            traded = f"{account.volume // ONE}.{account.volume % ONE * 100 // ONE:02d}"
            return (
                f"Too many cumulative requests sent ({usage.requests + count} > {allowed}) for cumulative volume"
                f" traded ${traded}. Place taker orders to free up 1 request per USDC traded."
            )
        if usage.requests + count > allowed:
            usage.last = now
        usage.requests += count
        return None
