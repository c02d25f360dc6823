"""Nado's client: `connect(account=...)` reads, with the owner's or the linked signer's key it trades."""

from typing import Any

from solvent.core.account import Venue
from solvent.core.errors import BadInput
from solvent.venues.failures import Asked
from solvent.venues.keys import Credentials, Secret
from solvent.venues.nado.rest import tx_nonce_of
from solvent.venues.nado.sign import Signer
from solvent.venues.nado.subaccounts import named_subaccount
from solvent.venues.nado.trade import NadoTrader

NOBODY = "0x" + "00" * 20


class NadoVenue(NadoTrader):
    """The trader, and what only Nado has: a second key that may sign for the subaccount.

    `account`: an address (its subaccount "default"), "address/name", or 32 bytes of hexadecimal; None: that of the
    key. The other options are those of `NadoReader`.
    """

    def __init__(self, account: str | None = None, *, private_key: Secret | None = None, **options: Any) -> None:
        if account is None and private_key is not None:
            account = Signer(private_key).address
        if account is None:
            raise BadInput("account", "an address, or a key", "<neither>")
        super().__init__(named_subaccount(account), private_key=private_key, **options)

    async def linked_signer(self) -> str | None:
        """The address whose key may sign for the subaccount beside the owner's; None where there is none."""
        body = await self._rest.query("linked_signer", subaccount=self.account)
        found = body.get("linked_signer") if isinstance(body, dict) else None
        if not isinstance(found, str) or len(found) != len(NOBODY):
            raise BadInput("linked_signer", "an address", found)
        return None if found == NOBODY else found.lower()

    async def link_signer(self, address: str | None) -> None:
        """Let another key sign for the subaccount (None: no other). Signed by the owner's key; 50 a week at most.

        It has no expiry: where the answer was lost, `linked_signer` tells.
        """
        domain = await self._rest.ready()
        key = self._rest.key()
        nonce = tx_nonce_of(await self._rest.query("nonces", urgent=True, address=self._rest.address))
        signer = (address or NOBODY).lower() + "00" * 12
        message = {"sender": self.account, "signer": signer, "nonce": nonce}
        signature = key.sign(domain.digest("LinkSigner", message))

        def build() -> tuple[str, dict[str, Any], Asked]:
            tx = {"sender": self.account, "signer": signer, "nonce": str(nonce)}
            return "link_signer", {"tx": tx, "signature": signature}, Asked(f"link of {address}")

        await self._rest.execute(build, 30)


def connect(
    *,
    account: str | None = None,
    base_url: str | None = None,
    testnet: bool = False,
    credentials: Credentials | None = None,
    **options: Any,
) -> NadoVenue:
    """A client of one subaccount: `async with connect(account=...) as venue`.

    `base_url` is the gateway's; `indexer_url` and `trigger_url` follow from it where its name follows the venue's.
    `credentials` None: it is only read. `options` are those of `NadoReader`. Raises BadInput where there is
    neither account nor key, or credentials are another venue's.
    """
    if credentials is not None and credentials.venue != Venue.NADO:
        raise BadInput("credentials", "those of nado", str(credentials.venue))
    key = None if credentials is None else credentials.private_key
    named = account or (None if credentials is None else credentials.address)
    if named is None and key is None:
        raise BadInput(
            "account",
            "an address (SOLVENT_NADO_ADDRESS), or a key to trade (SOLVENT_NADO_PRIVATE_KEY)",
            "<neither>",
        )
    return NadoVenue(named, base_url=base_url, testnet=testnet, private_key=key, **options)


__all__ = ["NadoVenue", "connect"]
