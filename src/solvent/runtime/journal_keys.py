"""Key files: Ed25519 keys that sign anchors (PEM), and chain keys (plain text). A file says which it is."""

import os
from pathlib import Path

from solvent.core.errors import BadInput, Refused
from solvent.journal.record import MAX_KEY, MIN_KEY, check_key

_PEM = b"-----BEGIN "
_CHAIN_BYTES = 32
MAX_FILE = 64 * 1024


def chain_key(key: bytes | str | os.PathLike[str] | None) -> bytes | None:
    """A chain key as its user gave it: bytes, text, or the Path of a file that holds it."""
    match key:
        case None | bytes():
            return check_key(key)
        case str():
            if Path(key).exists():
                raise BadInput("key", "a Path for a key file (text is taken as the key itself)", "<a file's name>")
            return check_key(key.encode())
        case os.PathLike():
            found = read_chain_key(Path(key))
            if found is None:
                raise BadInput("key", f"a chain key of {MIN_KEY} to {MAX_KEY} bytes", "<an Ed25519 key>")
            return found
    raise BadInput("key", "bytes, text or a Path", f"<{type(key).__name__}>")


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE).strip()
    except OSError as error:
        raise BadInput(str(path), "a readable key file", f"<{error.strerror}>") from None


def read_chain_key(path: Path) -> bytes | None:
    """The chain key in a file, without white space around it; None where it is a PEM file."""
    content = _content(path)
    return None if content.startswith(_PEM) else check_key(content)


def read_public_key(path: Path) -> bytes:
    """The raw Ed25519 public key of a PEM file that holds a private or a public key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

    content = _content(path)
    try:
        if b"PRIVATE" in content.split(b"\n", 1)[0]:
            private = load_pem_private_key(content, password=None)
            if isinstance(private, Ed25519PrivateKey):
                return private.public_key().public_bytes_raw()
        else:
            public = load_pem_public_key(content)
            if isinstance(public, Ed25519PublicKey):
                return public.public_bytes_raw()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    raise BadInput(str(path), "an Ed25519 key in PEM", "<something else>")


def read_private_key(path: Path) -> bytes:
    """The raw Ed25519 private key of a PEM file."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_content(path), password=None)
        if isinstance(key, Ed25519PrivateKey):
            return key.private_bytes_raw()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    raise BadInput(str(path), "an Ed25519 private key in PEM (`solvent audit keygen`)", "<something else>")


def make_checkpoint_key(path: Path) -> bytes:
    """Write a new Ed25519 private key (mode 0600) and its public key beside it (`.pub`); the raw public key.

    Raises Refused where either file exists: a key is never overwritten.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    public_path = path.with_name(path.name + ".pub")
    if public_path.exists():
        raise Refused("key-exists", f"{public_path} exists: a key is never overwritten")
    key = Ed25519PrivateKey.generate()
    _write_new(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    public = key.public_key()
    _write_new(public_path, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), 0o644)
    return public.public_bytes_raw()


def make_chain_key(path: Path) -> None:
    """Write a new random chain key (mode 0600). Raises Refused where the file exists."""
    _write_new(path, os.urandom(_CHAIN_BYTES).hex().encode() + b"\n", 0o600)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise Refused("key-exists", f"{path} exists: a key is never overwritten") from None
    except OSError as error:
        raise BadInput(str(path), "a place where a file can be written", f"<{error.strerror}>") from None
    with open(file, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
