"""Client order ids in each venue's form, marked so that orders of others are told apart.

An id is prefix, owner's tag, random digits. The tag comes from the owner's name, so it survives a restart, and two
bots on one account with names of their own see each other's orders as foreign.
"""

import re
import secrets
from collections import OrderedDict
from hashlib import sha256

from solvent.core.account import Venue
from solvent.core.errors import BadInput

_PREFIX = {Venue.HYPERLIQUID: "0x501e", Venue.BYBIT: "slv-", Venue.BINGX: "slv-"}
_FORM = {
    Venue.HYPERLIQUID: (re.compile(r"0x[0-9a-f]{32}"), "0x and 32 lower-case hex digits"),
    Venue.BYBIT: (re.compile(r"[A-Za-z0-9_-]{1,36}"), "at most 36 letters, digits, - or _"),
    Venue.BINGX: (re.compile(r"[a-z0-9_-]{1,40}"), "at most 40 lower-case letters, digits, - or _"),
}
_RANDOM_BYTES = 10


def _mark(venue: Venue, owner: str) -> str:
    return _PREFIX[venue] + sha256(b"solvent/owner/" + owner.encode()).hexdigest()[:8]


def new_client_id(venue: Venue | str, owner: str = "") -> str | None:
    """A new id; None on Nado, where the order's digest is its key."""
    venue = Venue(venue)
    if venue is Venue.NADO:
        return None
    return _mark(venue, owner) + secrets.token_hex(_RANDOM_BYTES)


def is_ours(venue: Venue | str, client_id: str | None, owner: str = "") -> bool:
    """Whether `new_client_id` made it for this owner."""
    venue = Venue(venue)
    return venue in _PREFIX and client_id is not None and client_id.startswith(_mark(venue, owner))


def checked_client_id(venue: Venue | str, client_id: str) -> str:
    """An id that a user chose, if the venue takes it. Raises BadInput naming `client_id`."""
    venue = Venue(venue)
    if venue is Venue.NADO:
        raise BadInput("client_id", "none: on Nado an order is found by its digest", client_id)
    form, words = _FORM[venue]
    if not form.fullmatch(client_id):
        raise BadInput("client_id", words, client_id)
    return client_id


class OwnOrders:
    """Keys of orders that this process placed: client ids chosen by users, digests, ids of the venue.

    Holds the newest `most` keys; the owner's mark tells the others.
    """

    def __init__(self, venue: Venue | str, owner: str = "", most: int = 200_000) -> None:
        self._venue = Venue(venue)
        self._owner = owner
        self._most = most
        self._keys: OrderedDict[str, None] = OrderedDict()

    def add(self, *keys: str | None) -> None:
        """Keep keys of an order of ours, before it is sent and when the venue has named it."""
        for key in keys:
            if key is not None:
                self._keys[key] = None
                self._keys.move_to_end(key)
        while len(self._keys) > self._most:
            self._keys.popitem(last=False)

    def foreign(self, *keys: str | None) -> bool:
        """Whether an order with these keys was made by hand or by another process."""
        return not any(
            key is not None and (key in self._keys or is_ours(self._venue, key, self._owner)) for key in keys
        )
