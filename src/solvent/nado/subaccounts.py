"""Subaccount ids, where the documented API of Nado has them."""

from solvent.venues.nado.subaccounts import ADDRESS_BYTES, NAME_BYTES, subaccount_to_hex

__all__ = ["ADDRESS_BYTES", "NAME_BYTES", "subaccount_to_hex"]
