"""Anchors: a signed word on how far the journal had come, to be kept where its writer cannot reach.

An anchor is one line of JSON: `v`, `seq`, `hash`, `time`, `public_key`, `signature`; the signature is Ed25519
over every byte before `,"signature":`. Keys are 32 raw bytes here, hex in the line.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from solvent.core.errors import BadInput
from solvent.journal.values import timestamp_text

_LINE = re.compile(
    r'\{"v":1,"seq":([1-9]\d{0,18}),"hash":"([0-9a-f]{64})",'
    r'"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)","public_key":"([0-9a-f]{64})","signature":"([0-9a-f]{128})"\}'
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """Record `seq` had the hash `hash` at `time` (UTC text), says the holder of `public_key` (hex)."""

    seq: int
    hash: str
    time: str
    public_key: str
    signature: str

    @property
    def line(self) -> str:
        return f'{_signed_part(self.seq, self.hash, self.time, self.public_key)},"signature":"{self.signature}"}}'

    def genuine(self, public_key: bytes | None = None) -> bool:
        """Whether the signature holds, and is by `public_key` where one is given.

        Without one, anyone could have signed: compare `public_key` with the one you know.
        """
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        if public_key is not None and public_key.hex() != self.public_key:
            return False
        signed = _signed_part(self.seq, self.hash, self.time, self.public_key)
        try:
            signer = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key))
            signer.verify(bytes.fromhex(self.signature), signed.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


def _signed_part(seq: int, digest: str, time: str, public_key: str) -> str:
    return f'{{"v":1,"seq":{seq},"hash":"{digest}","time":"{time}","public_key":"{public_key}"'


def sign_anchor(seq: int, digest: str, moment: datetime, private_key: bytes) -> Anchor:
    """An anchor for record `seq`, signed with a raw Ed25519 private key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signer = Ed25519PrivateKey.from_private_bytes(private_key)
    public_key = signer.public_key().public_bytes_raw().hex()
    time = timestamp_text(moment)
    signature = signer.sign(_signed_part(seq, digest, time, public_key).encode())
    return Anchor(seq, digest, time, public_key, signature.hex())


def read_anchors(lines: Iterable[str], field: str = "anchor") -> tuple[Anchor, ...]:
    """The anchors of a file that holds one per line. Raises BadInput; says nothing of their signatures."""
    found = []
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        match = _LINE.fullmatch(text.strip())
        if match is None:
            raise BadInput(f"{field} line {number}", "an anchor as `solvent audit anchor` writes it", text.strip())
        found.append(Anchor(int(match[1]), match[2], match[3], match[4], match[5]))
    if not found:
        raise BadInput(field, "at least one anchor", "<none>")
    return tuple(found)
