"""Secrets: kept in a value that never shows itself, taken from the environment, a private file or the keyring.

`credentials("bybit")` looks for `SOLVENT_BYBIT_API_KEY`, `_API_SECRET`, `_PRIVATE_KEY` and `_ADDRESS`. Each of the
first three may instead stand in a file, named by the same variable with `_FILE` behind it, or in the system's
keyring: service as `SOLVENT_KEYRING` says, user name the variable's (`SOLVENT_BYBIT_API_KEY`).
"""

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_IMODE, S_ISREG
from typing import Final, NoReturn, Self

from solvent.core.account import Venue
from solvent.core.errors import BadInput, Refused

MAX_BYTES: Final = 4096
"""No key of a venue is longer; a larger file is something else."""

_HIDDEN = "Secret(***)"


class Secret:
    """A key or a password. Only `reveal` and `reveal_bytes` give it away; all that prints shows `Secret(***)`.

    Equality takes the same time wherever two values differ. It cannot be pickled or hashed.
    """

    __secret__ = True  # The journal refuses values of such classes.
    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment]  # a hash would tell values apart

    def __init__(self, value: str | bytes) -> None:
        self._value = value.encode() if isinstance(value, str) else bytes(value)

    def reveal(self) -> str:
        return self._value.decode()

    def reveal_bytes(self) -> bytes:
        return self._value

    def hide_in(self, text: str) -> str:
        """The text without this value: venues repeat what was signed in their refusals."""
        shown = self._value.decode(errors="replace")
        bare = shown.removeprefix("0x")
        return text.replace(shown, "***").replace(bare, "***") if bare else text

    def __repr__(self) -> str:
        return _HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return _HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a client signs with. A key that was not found is None; `address` alone suffices to read."""

    venue: Venue
    private_key: Secret | None = None
    api_key: Secret | None = None
    api_secret: Secret | None = None
    address: str | None = None

    def of(self, venue: Venue) -> Self:
        """These, if they are this venue's: a key goes to no other. Raises BadInput."""
        if self.venue != venue:
            raise BadInput("credentials", f"those of {venue}", str(self.venue))
        return self


def load(
    name: str,
    *,
    env: str | None = None,
    file: Path | str | None = None,
    keyring_service: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Secret | None:
    """The secret from the one place that has it; None where none has.

    Looks at the variable `env`, the file and the keyring (user name `name`). Raises Refused, never with the value,
    where both variable and file are given, a file is open to others or not ours, or the keyring cannot be read.
    """
    value = ((os.environ if environ is None else environ).get(env) if env else None) or None
    if value is not None and file is not None:
        raise Refused("two-secrets", f"{name}: given by the variable {env} and by a file; keep one of them")
    if value is not None:
        return _secret(name, value.encode())
    if file is not None:
        return _secret(name, _private_file(name, Path(file)))
    return None if keyring_service is None else _from_keyring(name, keyring_service)


def credentials(venue: Venue | str, environ: Mapping[str, str] | None = None) -> Credentials:
    """The venue's keys from environment, files and keyring, as the module says. Raises Refused like `load`."""
    found = Venue(venue)
    names = os.environ if environ is None else environ
    service = names.get("SOLVENT_KEYRING") or None

    def one(field: str) -> Secret | None:
        name = f"SOLVENT_{found.upper()}_{field}"
        file = names.get(f"{name}_FILE") or None
        return load(name, env=name, file=file, keyring_service=service, environ=names)

    return Credentials(
        venue=found,
        private_key=one("PRIVATE_KEY"),
        api_key=one("API_KEY"),
        api_secret=one("API_SECRET"),
        address=names.get(f"SOLVENT_{found.upper()}_ADDRESS", "").strip() or None,
    )


def _secret(name: str, value: bytes) -> Secret:
    bare = value.strip()
    if not bare or len(bare) > MAX_BYTES or not all(33 <= byte < 127 for byte in bare):
        raise Refused("no-secret", f"{name}: expected printable ASCII without spaces, at most {MAX_BYTES} bytes")
    return Secret(bare)


def _private_file(name: str, path: Path) -> bytes:
    # Checked on the open file, so that nobody can change it between the look and the reading; O_NONBLOCK: a pipe
    # put in its place must not hang us.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise Refused("secret-file", f"{name}: {path}: {error.strerror}") from None
    try:
        status = os.fstat(descriptor)
        if not S_ISREG(status.st_mode):
            raise Refused("secret-file", f"{name}: {path} is no regular file")
        if status.st_uid != os.geteuid():
            raise Refused("secret-file", f"{name}: {path} belongs to somebody else")
        if S_IMODE(status.st_mode) & 0o177:
            mode = f"{S_IMODE(status.st_mode):04o}"
            raise Refused("secret-file", f"{name}: {path} has mode {mode}, others may read it: chmod 600 {path}")
        if status.st_size > MAX_BYTES:
            raise Refused("secret-file", f"{name}: {path} is larger than {MAX_BYTES} bytes")
        return os.read(descriptor, MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def _from_keyring(name: str, service: str) -> Secret | None:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise Refused("no-keyring", "the keyring needs its extra: pip install 'solvent[keyring]'") from None
    try:
        value = keyring.get_password(service, name)
    except keyring.errors.KeyringError as error:
        kind = type(error).__name__  # Its text is a backend's and may hold anything.
        raise Refused("no-keyring", f"{name}: the system's keyring cannot be read ({kind})") from None
    return None if value is None else _secret(name, value.encode())
