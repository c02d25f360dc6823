"""Who signed an action: the venue's two schemes, EIP-712 over a hash of the action or over its own fields.

Sources: the official SDK's signing module; EIP-712.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import coincurve
import msgspec
from eth_hash.auto import keccak

from solvent.paper.hyperliquid.shapes import JSON, address, whole

HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
SEND_ASSET: Final = ",".join(
    (
        "string destination",
        "string sourceDex",
        "string destinationDex",
        "string token",
        "string amount",
        "string fromSubAccount",
        "uint64 nonce",
    )
)
USER_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "usdSend": ("UsdSend", "string destination,string amount,uint64 time"),
    "spotSend": ("SpotSend", "string destination,string token,string amount,uint64 time"),
    "withdraw3": ("Withdraw", "string destination,string amount,uint64 time"),
    "usdClassTransfer": ("UsdClassTransfer", "string amount,bool toPerp,uint64 nonce"),
    "sendAsset": (
        "SendAsset",
        SEND_ASSET,
    ),
    "approveAgent": ("ApproveAgent", "address agentAddress,string agentName,uint64 nonce"),
    "approveBuilderFee": ("ApproveBuilderFee", "string maxFeeRate,address builder,uint64 nonce"),
    "userDexAbstraction": ("UserDexAbstraction", "address user,bool enabled,uint64 nonce"),
    "userSetAbstraction": ("UserSetAbstraction", "address user,string abstraction,uint64 nonce"),
}
"""Actions that users sign field by field: the primary type and its fields after `hyperliquidChain`."""
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "order": ("type", "orders", "grouping", "builder"),
    "cancel": ("type", "cancels"),
    "cancelByCloid": ("type", "cancels"),
    "modify": ("type", "oid", "order"),
    "batchModify": ("type", "modifies"),
    "scheduleCancel": ("type", "time"),
    "updateLeverage": ("type", "asset", "isCross", "leverage"),
    "updateIsolatedMargin": ("type", "asset", "isBuy", "ntli"),
    "topUpIsolatedOnlyMargin": ("type", "asset", "leverage"),
    "createSubAccount": ("type", "name"),
    "subAccountModify": ("type", "subAccountUser", "name"),
    "subAccountTransfer": ("type", "subAccountUser", "isDeposit", "usd"),
    "agentSetAbstraction": ("type", "abstraction"),
    "agentEnableDexAbstraction": ("type",),
    "setReferrer": ("type", "code"),
    "noop": ("type",),
    "reserveRequestWeight": ("type", "weight"),
}
"""The order of an action's keys: the venue hashes what it understood, written its own way, not what was sent."""
ORDER_KEYS: Final = ("a", "b", "p", "s", "r", "t", "c")


class BadSignature(Exception):
    """No key can have made this signature."""


def l1_hashes(action: JSON, nonce: int, vault: str | None, expires: int | None) -> Iterable[bytes]:
    """What an L1 action's signer signed, for the test network and for the main one."""
    packed = msgspec.msgpack.encode(canonical(action)) + nonce.to_bytes(8, "big")
    packed += b"\x00" if vault is None else b"\x01" + bytes.fromhex(vault[2:])
    if expires is not None:
        packed += b"\x00" + expires.to_bytes(8, "big")
    connection = keccak(packed)
    domain = _domain("Exchange", 1337)
    kind = keccak(b"Agent(string source,bytes32 connectionId)")
    for source in (b"b", b"a"):
        yield keccak(b"\x19\x01" + domain + keccak(kind + keccak(source) + connection))


def user_hash(action: JSON) -> bytes:
    """What a user-signed action's signer signed. Raises BadSignature where a field is missing or wrong."""
    name, listed = USER_TYPES[action["type"]]
    fields = [("string", "hyperliquidChain"), *(tuple(f.split(" ")) for f in listed.split(","))]
    kind = f"HyperliquidTransaction:{name}({','.join(f'{t} {n}' for t, n in fields)})"
    try:
        chain = int(action["signatureChainId"], 16)
        coded = b"".join(_coded(t, action.get(n, "" if n == "agentName" else None)) for t, n in fields)
        domain = _domain("HyperliquidSignTransaction", chain)
    except (TypeError, ValueError, KeyError, OverflowError, AttributeError):
        raise BadSignature from None
    return keccak(b"\x19\x01" + domain + keccak(keccak(kind.encode()) + coded))


def canonical(action: JSON) -> JSON:
    """The action as the venue would write it: its own order of keys, no trailing zeros, lower-case addresses."""
    keys = KEYS.get(action["type"])
    if keys is None:
        return action
    made = {k: action[k] for k in keys if action.get(k) is not None}
    if "orders" in made and isinstance(made["orders"], list):
        made["orders"] = [_order(o) for o in made["orders"]]
    if "order" in made:
        made["order"] = _order(made["order"])
    if "modifies" in made and isinstance(made["modifies"], list):
        made["modifies"] = [
            {"oid": m.get("oid"), "order": _order(m.get("order"))} if isinstance(m, dict) else m
            for m in made["modifies"]
        ]
    if "cancels" in made and isinstance(made["cancels"], list):
        names = ("a", "o") if made["type"] == "cancel" else ("asset", "cloid")
        made["cancels"] = [_picked(c, names) for c in made["cancels"]]
    if isinstance(made.get("builder"), dict):
        builder = _picked(made["builder"], ("b", "f"))
        made["builder"] = {**builder, "b": address(builder.get("b")) or builder.get("b")}
    return made


def _picked(given: Any, names: tuple[str, ...]) -> Any:
    return {n: given[n] for n in names if n in given} if isinstance(given, dict) else given


def _order(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    made = {k: given[k] for k in ORDER_KEYS if given.get(k) is not None}
    for name in ("p", "s"):
        made[name] = _stripped(made.get(name))
    kind = made.get("t")
    if isinstance(kind, dict) and isinstance(kind.get("trigger"), dict):
        trigger = _picked(kind["trigger"], ("isMarket", "triggerPx", "tpsl"))
        made["t"] = {"trigger": {**trigger, "triggerPx": _stripped(trigger.get("triggerPx"))}}
    return made


def _stripped(number: Any) -> Any:
    return number.rstrip("0").rstrip(".") if isinstance(number, str) and "." in number else number


def signer(digests: Iterable[bytes], signature: object) -> list[str]:
    """The addresses that may have signed, one for each digest. Raises BadSignature."""
    if not isinstance(signature, dict):
        raise BadSignature
    v = whole(signature.get("v"))
    try:
        r, s = (int(str(signature[name]), 16) for name in ("r", "s"))
        packed = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if v not in (0, 1, 27, 28) or s > HALF_ORDER:
            raise BadSignature
        packed += bytes([v % 27])
        return [_address(coincurve.PublicKey.from_signature_and_message(packed, d, hasher=None)) for d in digests]
    except (KeyError, ValueError, OverflowError):
        raise BadSignature from None
    except Exception as error:  # coincurve raises a bare Exception where no point fits
        if type(error) is Exception or isinstance(error, BadSignature):
            raise BadSignature from None
        raise


def address_of(secret: bytes) -> str:
    """The address of a private key, in lower case."""
    return _address(coincurve.PrivateKey(secret).public_key)


def checksummed(lower: str) -> str:
    """An address as wallets write it (EIP-55)."""
    marks = keccak(lower[2:].encode()).hex()
    return "0x" + "".join(c.upper() if int(m, 16) >= 8 else c for c, m in zip(lower[2:], marks, strict=False))


def _address(key: coincurve.PublicKey) -> str:
    return "0x" + keccak(key.format(compressed=False)[1:])[-20:].hex()


def _domain(name: str, chain: int) -> bytes:
    kind = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    return keccak(keccak(kind) + keccak(name.encode()) + keccak(b"1") + chain.to_bytes(32, "big") + bytes(32))


def _coded(kind: str, value: object) -> bytes:
    """One field as EIP-712 codes it."""
    if kind == "string" and isinstance(value, str):
        return keccak(value.encode())
    if kind == "bool" and isinstance(value, bool):
        return int(value).to_bytes(32, "big")
    if kind == "uint64" and type(value) is int:
        return value.to_bytes(8, "big").rjust(32, b"\x00")
    if kind == "address" and (found := address(value)) is not None:
        return bytes.fromhex(found[2:]).rjust(32, b"\x00")
    raise TypeError(kind)
