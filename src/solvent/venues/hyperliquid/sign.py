"""Hyperliquid's signatures: EIP-712 over the hash of an action ("L1"), or over its own fields ("user-signed").

Sources: the venue's page on signing; EIP-712. The bytes equal those of the venue's own SDK.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from coincurve import PrivateKey
from eth_hash.auto import keccak

from solvent.core.errors import BadInput
from solvent.venues.keys import Secret

Action = Mapping[str, Any]
"""An action with its keys in the venue's order: the hash covers them in that order."""

SIGNATURE_CHAIN: Final = "0x66eee"
USER_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "usdClassTransfer": ("UsdClassTransfer", "string amount,bool toPerp,uint64 nonce"),
    "usdSend": ("UsdSend", "string destination,string amount,uint64 time"),
    "spotSend": ("SpotSend", "string destination,string token,string amount,uint64 time"),
    "withdraw3": ("Withdraw", "string destination,string amount,uint64 time"),
    "sendAsset": (
        "SendAsset",
        (
            "string destination,string sourceDex,string destinationDex,string token,string amount,"
            "string fromSubAccount,uint64 nonce"
        ),
    ),
    "approveAgent": ("ApproveAgent", "address agentAddress,string agentName,uint64 nonce"),
    "approveBuilderFee": ("ApproveBuilderFee", "string maxFeeRate,address builder,uint64 nonce"),
    "userSetAbstraction": ("UserSetAbstraction", "address user,string abstraction,uint64 nonce"),
}
"""Actions that only the account's own key signs, field by field: the type's name, its fields after the chain."""

_KEY = re.compile(rb"(?:0x)?([0-9a-fA-F]{64})")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class Signer:
    """A private key that signs for Hyperliquid; it shows its address and nothing else."""

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

    def l1(
        self,
        action: Action,
        nonce: int,
        *,
        mainnet: bool,
        vault: str | None = None,
        expires_after: int | None = None,
    ) -> dict[str, Any]:
        """The signature of an action that agents may sign too. Times in milliseconds."""
        source = b"a" if mainnet else b"b"
        connection = action_hash(action, nonce, vault=vault, expires_after=expires_after)
        agent = keccak(_AGENT + keccak(source) + connection)
        return self._signature(keccak(b"\x19\x01" + _L1_DOMAIN + agent))

    def user(self, action: Action, *, mainnet: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """A user-signed action as it is sent (with its chain), and its signature."""
        sent = {
            **action,
            "signatureChainId": SIGNATURE_CHAIN,
            "hyperliquidChain": "Mainnet" if mainnet else "Testnet",
        }
        name, fields = USER_TYPES[action["type"]]
        kind = f"HyperliquidTransaction:{name}(string hyperliquidChain,{fields})"
        coded = keccak(sent["hyperliquidChain"].encode())
        for field in fields.split(","):
            shape, field_name = field.split(" ")
            coded += _coded(shape, sent[field_name], field_name)
        return sent, self._signature(keccak(b"\x19\x01" + _USER_DOMAIN + keccak(keccak(kind.encode()) + coded)))

    def _signature(self, digest: bytes) -> dict[str, Any]:
        raw = self._key.sign_recoverable(digest, hasher=None)
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big")
        return {"r": hex(r), "s": hex(s), "v": raw[64] + 27}

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    def __reduce_ex__(self, protocol: object) -> Any:
        raise TypeError("a Signer cannot be pickled")


def action_hash(
    action: Action, nonce: int, *, vault: str | None = None, expires_after: int | None = None
) -> bytes:
    """What an L1 signature is over: the action, its nonce, the vault it acts for and its expiry."""
    packed = msgspec.msgpack.encode(action) + nonce.to_bytes(8, "big")
    packed += b"\x00" if vault is None else b"\x01" + bytes.fromhex(checked_address(vault, "vault")[2:])
    if expires_after is not None:
        packed += b"\x00" + expires_after.to_bytes(8, "big")
    return keccak(packed)


def checked_address(value: object, field: str) -> str:
    """An address in lower case, as the venue hashes it. Raises BadInput naming `field`."""
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise BadInput(field, "0x and 40 hexadecimal digits", value)
    return value.lower()


def _domain(name: str, chain: int) -> bytes:
    kind = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    return keccak(keccak(kind) + keccak(name.encode()) + keccak(b"1") + chain.to_bytes(32, "big") + bytes(32))


_AGENT: Final = keccak(b"Agent(string source,bytes32 connectionId)")
_L1_DOMAIN: Final = _domain("Exchange", 1337)
_USER_DOMAIN: Final = _domain("HyperliquidSignTransaction", int(SIGNATURE_CHAIN, 16))


def _coded(shape: str, value: Any, field: str) -> bytes:
    """One field as EIP-712 codes it."""
    match shape:
        case "string":
            return keccak(str(value).encode())
        case "bool":
            return bool(value).to_bytes(32, "big")
        case "address":
            return bytes.fromhex(checked_address(value, field)[2:]).rjust(32, b"\x00")
        case _:
            return int(value).to_bytes(32, "big")


__all__ = ["USER_TYPES", "Action", "Signer", "action_hash", "checked_address"]
