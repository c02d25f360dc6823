"""Whose signature is it: EIP-712 digests of Nado's messages and the address that signed one.

Domain: name "Nado", version "0.0.1", the chain's id, and as contract the product's number for orders and the
endpoint for all else. Source: the venue's public page on signing.
"""

from collections.abc import Mapping
from typing import Any, Final

from coincurve import PrivateKey, PublicKey
from eth_hash.auto import keccak

from solvent.paper.nado.words import Refused

CHAIN_ID: Final = 763373
ENDPOINT: Final = "0x698d87105274292b5673367dec81874ce3633ac2"

TYPES: Final[Mapping[str, str]] = {
    "Order": "bytes32 sender,int128 priceX18,int128 amount,uint64 expiration,uint64 nonce,uint128 appendix",
    "Cancellation": "bytes32 sender,uint32[] productIds,bytes32[] digests,uint64 nonce",
    "CancellationProducts": "bytes32 sender,uint32[] productIds,uint64 nonce",
    "WithdrawCollateral": "bytes32 sender,uint32 productId,uint128 amount,uint64 nonce",
    "WithdrawCollateralV2": "bytes32 sender,uint32 productId,uint128 amount,uint64 nonce,address sendTo,"
    "uint128 appendix",
    "LiquidateSubaccount": "bytes32 sender,bytes32 liquidatee,uint32 productId,bool isEncodedSpread,int128 amount,"
    "uint64 nonce",
    "LinkSigner": "bytes32 sender,bytes32 signer,uint64 nonce",
    "TransferQuote": "bytes32 sender,bytes32 recipient,uint128 amount,uint64 nonce",
    "StreamAuthentication": "bytes32 sender,uint64 expiration",
    "ListTriggerOrders": "bytes32 sender,uint64 recvTime",
}
_FIELDS: Final = {name: [f.split(" ") for f in body.split(",")] for name, body in TYPES.items()}
_HASHES: Final = {name: keccak(f"{name}({body})".encode()) for name, body in TYPES.items()}
_DOMAIN_TYPE: Final = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_NAME, _VERSION = keccak(b"Nado"), keccak(b"0.0.1")


def order_contract(product_id: int) -> str:
    """The verifying contract of a product's orders: its number as an address."""
    return "0x" + product_id.to_bytes(20, "big").hex()


def digest(kind: str, message: Mapping[str, Any], contract: str = ENDPOINT) -> bytes:
    """What is signed: the EIP-712 hash. Integers, and hex text for bytes and addresses."""
    encoded = b"".join(_encoded(shape, message[name]) for shape, name in _FIELDS[kind])
    domain = keccak(_DOMAIN_TYPE + _NAME + _VERSION + CHAIN_ID.to_bytes(32, "big") + _encoded("address", contract))
    return keccak(b"\x19\x01" + domain + keccak(_HASHES[kind] + encoded))


def _encoded(shape: str, value: Any) -> bytes:
    if shape.endswith("[]"):
        return keccak(b"".join(_encoded(shape[:-2], v) for v in value))
    if shape in ("bytes32", "address"):
        return bytes.fromhex(value[2:]).rjust(32, b"\0")
    return (int(value) % (1 << 256)).to_bytes(32, "big")


def signer(hashed: bytes, signature: str) -> str:
    """The address that signed, in lower case. Raises Refused where it cannot be a signature."""
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
    except ValueError:
        raise Refused(2035, what="the signature is no hex text") from None
    if len(raw) != 65:
        raise Refused(2027)
    v = raw[64] - 27 if raw[64] >= 27 else raw[64]
    if v not in (0, 1):
        raise Refused(2034)
    try:
        public = PublicKey.from_signature_and_message(raw[:64] + bytes([v]), hashed, hasher=None)
    except ValueError:
        raise Refused(2035, what="no key could have made it") from None
    return _address(public)


def address_of(secret: bytes) -> str:
    """The address of a private key, in lower case."""
    return _address(PrivateKey(secret).public_key)


def checksummed(address: str) -> str:
    """EIP-55: the capitals of an address."""
    plain = address.removeprefix("0x").lower()
    marks = keccak(plain.encode()).hex()
    return "0x" + "".join(c.upper() if int(marks[i], 16) > 7 else c for i, c in enumerate(plain))


def _address(public: PublicKey) -> str:
    return "0x" + keccak(public.format(compressed=False)[1:])[-20:].hex()
