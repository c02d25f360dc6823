"""Subaccount ids: 20 bytes of address and 12 bytes of name, as hexadecimal text."""

import re

from solvent.core.errors import BadInput

ADDRESS_BYTES = 20
NAME_BYTES = 12
_HEX = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{2})+)")


def subaccount_to_hex(subaccount: str | bytes | object, name: str | bytes | None = None) -> str:
    """The 32-byte id of a subaccount as `0x` and 64 lower-case digits.

    `subaccount` is an address when `name` is given; else the id itself (text or bytes, padded with zeros at
    the end) or an object with `subaccount_owner` and `subaccount_name`, as the official SDK has. Raises
    BadInput.

    >>> subaccount_to_hex("0x8D7d64d6cF1D4F018Dd101482Ac71Ad49e30c560", "default")
    '0x8d7d64d6cf1d4f018dd101482ac71ad49e30c56064656661756c740000000000'
    """
    if not isinstance(subaccount, str | bytes):
        owner = getattr(subaccount, "subaccount_owner", None)
        name = getattr(subaccount, "subaccount_name", None)
        if owner is None or name is None:
            raise BadInput("subaccount", "an address with a name, or an id of 32 bytes", subaccount)
        subaccount = owner
    if name is None:
        return _padded(_bytes(subaccount, ADDRESS_BYTES + NAME_BYTES))
    address = _bytes(subaccount, ADDRESS_BYTES)
    if len(address) != ADDRESS_BYTES:
        raise BadInput("subaccount", f"an address of {ADDRESS_BYTES} bytes", subaccount)
    suffix = name.encode() if isinstance(name, str) else name
    if len(suffix) > NAME_BYTES:
        raise BadInput("name", f"at most {NAME_BYTES} bytes", name)
    return _padded(address + suffix)


def _bytes(value: object, most: int) -> bytes:
    if isinstance(value, str):
        found = _HEX.fullmatch(value)
        if found is None:
            raise BadInput("subaccount", "hexadecimal bytes", value)
        value = bytes.fromhex(found[1])
    if not isinstance(value, bytes) or len(value) > most:
        raise BadInput("subaccount", f"at most {most} bytes", value)
    return value


def _padded(value: bytes) -> str:
    return "0x" + value.ljust(ADDRESS_BYTES + NAME_BYTES, b"\0").hex()


def named_subaccount(account: str) -> str:
    """The id of what a user calls an account: an address, "address/name", or the id itself.

    An address alone is its subaccount "default". Raises BadInput naming `account`.
    """
    address, slash, name = account.partition("/")
    try:
        if slash or len(address.removeprefix("0x")) == 2 * ADDRESS_BYTES:
            return subaccount_to_hex(address, name if slash else "default")
        if len(address.removeprefix("0x")) == 2 * (ADDRESS_BYTES + NAME_BYTES):
            return subaccount_to_hex(address)
    except (BadInput, UnicodeEncodeError):
        pass
    raise BadInput("account", "an address, address/name, or 32 bytes of hexadecimal", account)


def is_subaccount(value: str) -> bool:
    """Whether it is 32 bytes of hexadecimal."""
    return re.fullmatch(r"0x[0-9a-fA-F]{64}", value) is not None


def is_isolated(subaccount: str) -> bool:
    """Whether the venue made the id for an isolated position: address, product, number, "iso"."""
    return subaccount[42:54] == "0" * 12 and subaccount.endswith(b"iso".hex())
