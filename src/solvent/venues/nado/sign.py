"""Nado's signatures: EIP-712 over each message; the hash of an order is its digest, the key it is found by.

Sources: the venue's page on signing; EIP-712. The bytes equal those of the venue's own SDK.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from coincurve import PrivateKey
from eth_hash.auto import keccak

from solvent.core.errors import BadInput
from solvent.venues.keys import Secret

TYPES: Final[Mapping[str, str]] = {
    "Order": "bytes32 sender,int128 priceX18,int128 amount,uint64 expiration,uint64 nonce,uint128 appendix",
    "Cancellation": "bytes32 sender,uint32[] productIds,bytes32[] digests,uint64 nonce",
    "CancellationProducts": "bytes32 sender,uint32[] productIds,uint64 nonce",
    "TransferQuote": "bytes32 sender,bytes32 recipient,uint128 amount,uint64 nonce",
    "LinkSigner": "bytes32 sender,bytes32 signer,uint64 nonce",
    "StreamAuthentication": "bytes32 sender,uint64 expiration",
    "ListTriggerOrders": "bytes32 sender,uint64 recvTime",
}
"""The messages that are signed here, field by field."""

_KEY = re.compile(rb"(?:0x)?([0-9a-fA-F]{64})")
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_INTEGER = re.compile(r"(u?)int([0-9]+)")
_FIELDS: Final = {name: [tuple(f.split(" ")) for f in body.split(",")] for name, body in TYPES.items()}
_TYPE_HASHES: Final = {name: keccak(f"{name}({body})".encode()) for name, body in TYPES.items()}
_DOMAIN_HASH: Final = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_NAME_AND_VERSION: Final = keccak(b"Nado") + keccak(b"0.0.1")


class Signer:
    """A private key that signs for Nado; it shows its address and nothing else."""

    __secret__ = True  # The journal refuses values of such classes.
    __slots__ = ("_key", "address")

    def __init__(self, key: Secret) -> None:
        """Raises BadInput, never with the value, where it is no key."""
        found = _KEY.fullmatch(key.reveal_bytes())
        try:
            self._key = PrivateKey(bytes.fromhex(found[1].decode()) if found else b"")
        except ValueError:
            raise BadInput("private_key", "64 hexadecimal digits of a key", "<something else>") from None
        self.address = "0x" + keccak(self._key.public_key.format(compressed=False)[1:])[-20:].hex()

    def sign(self, digest: bytes) -> str:
        """The signature as the venue takes it: r, s and v (27 or 28) as hexadecimal."""
        raw = self._key.sign_recoverable(digest, hasher=None)
        return "0x" + raw[:64].hex() + f"{raw[64] + 27:02x}"

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError("a Signer cannot be pickled")


@dataclass(frozen=True, slots=True)
class Domain:
    """The chain, and the contract that all messages but orders are for."""

    chain_id: int
    endpoint: str

    def digest(self, kind: str, message: Mapping[str, Any]) -> bytes:
        """What is signed of a message other than an order."""
        return digest(kind, message, self.chain_id, self.endpoint)

    def order_digest(self, product_id: int, message: Mapping[str, Any]) -> bytes:
        """What is signed of an order: the contract is the product's number as an address."""
        return digest("Order", message, self.chain_id, "0x" + product_id.to_bytes(20, "big").hex())


def digest(kind: str, message: Mapping[str, Any], chain_id: int, contract: str) -> bytes:
    """The EIP-712 hash. Integers as they are, bytes and addresses as hexadecimal. Raises BadInput."""
    coded = b"".join(_coded(shape, message[name], name) for shape, name in _FIELDS[kind])
    domain = keccak(
        _DOMAIN_HASH + _NAME_AND_VERSION + chain_id.to_bytes(32, "big") + _coded("address", contract, "contract")
    )
    return keccak(b"\x19\x01" + domain + keccak(_TYPE_HASHES[kind] + coded))


def _coded(shape: str, value: Any, field: str) -> bytes:
    """One field as EIP-712 codes it; what does not fit its type is refused, never cut."""
    if shape.endswith("[]"):
        return keccak(b"".join(_coded(shape[:-2], item, field) for item in value))
    if shape in ("bytes32", "address"):
        size = 32 if shape == "bytes32" else 20
        if not isinstance(value, str) or len(value) != 2 + 2 * size or not _HEX.fullmatch(value):
            raise BadInput(field, f"{size} bytes of hexadecimal", value)
        return bytes.fromhex(value[2:]).rjust(32, b"\0")
    found = _INTEGER.fullmatch(shape)
    assert found is not None, shape
    bits = int(found[2])
    low, high = (0, 1 << bits) if found[1] else (-(1 << (bits - 1)), 1 << (bits - 1))
    if not low <= value < high:
        raise BadInput(field, f"an integer that fits {shape}", value)
    return int(value).to_bytes(32, "big", signed=not found[1])


__all__ = ["TYPES", "Domain", "Signer", "digest"]
