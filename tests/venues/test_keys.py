"""Secrets: found in three places, shown in none."""

import copy
import dataclasses
import json
import os
import pickle
import subprocess
import sys
import traceback

import msgspec
import pytest

from solvent.core.errors import Refused
from solvent.journal.secrecy import secret_type
from solvent.venues.keys import Credentials, Secret, credentials, load

KEY = "0x" + "c0ffee" * 10 + "beef"


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    path.chmod(0o600)
    return path


def shown(value):
    yield repr(value)
    yield str(value)
    yield f"{value}"
    yield f"{value!r:>200}"
    yield f"{value:x}" if isinstance(value, Secret) else ""
    yield "%s" % (value,)  # noqa: UP031
    yield repr([value, {"k": value}])


@pytest.mark.parametrize(
    "value", [Secret(KEY), Secret(KEY.encode()), Credentials(venue="nado", private_key=Secret(KEY))]
)
def test_nothing_that_prints_shows_a_secret(value):
    assert not any("c0ffee" in text or "c0f" in text for text in shown(value))


def test_nothing_that_stores_takes_a_secret():
    secret = Secret(KEY)
    for store in (pickle.dumps, json.dumps, msgspec.json.encode, msgspec.msgpack.encode):
        with pytest.raises(TypeError) as caught:
            store(secret)
        assert "c0ffee" not in str(caught.value)
    assert secret_type(secret)
    assert not hasattr(secret, "__dict__")


def test_copies_stay_hidden():
    held = Credentials(venue="bybit", api_secret=Secret(KEY))
    assert "c0ffee" not in repr(dataclasses.asdict(held))
    assert copy.deepcopy(held).api_secret.reveal() == KEY


def test_a_traceback_with_its_variables_does_not_show_a_secret():
    secret = Secret(KEY)
    try:
        raise RuntimeError(f"signing with {secret} failed")
    except RuntimeError as error:
        lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
        text = "".join(lines)
    assert "Secret(***)" in text
    # The module's own KEY is a global and no variable of the frame.
    assert "c0ffee" not in text


def test_secrets_compare_by_value_and_give_themselves_away_only_on_purpose():
    assert Secret(KEY) == Secret(KEY.encode())
    assert Secret(KEY) != Secret("other")
    assert Secret(KEY) != KEY
    assert Secret(KEY).reveal() == KEY
    with pytest.raises(TypeError):
        hash(Secret(KEY))


def test_a_secret_is_taken_out_of_what_others_say_with_and_without_its_prefix():
    assert Secret(KEY).hide_in(f"bad {KEY} and {KEY[2:]}") == "bad *** and ***"


def test_a_key_comes_from_the_environment_or_from_a_private_file(key_file):
    assert load("k", env="A_KEY", environ={"A_KEY": f" {KEY}\n"}).reveal() == KEY
    assert load("k", file=key_file).reveal() == KEY
    assert load("k", env="A_KEY", environ={}) is None
    assert load("k", env="A_KEY", environ={"A_KEY": ""}) is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o700, 0o601])
def test_a_file_that_others_may_touch_is_refused(key_file, mode):
    key_file.chmod(mode)
    with pytest.raises(Refused, match=f"{mode:04o}") as caught:
        load("k", file=key_file)
    assert "c0ffee" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_somebody_else_is_refused(key_file):
    os.chown(key_file, 12345, -1)
    with pytest.raises(Refused, match="somebody else"):
        load("k", file=key_file)


def test_what_is_no_file_with_one_key_is_refused_without_showing_it(tmp_path, key_file):
    with pytest.raises(Refused, match="No such file"):
        load("k", file=tmp_path / "absent")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(Refused, match="no regular file"):
        load("k", file=pipe)
    for content in ("", "\n", "two words", "k\x00", "x" * 5_000):
        key_file.write_text(content)
        with pytest.raises(Refused) as caught:
            load("k", file=key_file)
        assert "two words" not in str(caught.value)


def test_a_key_given_twice_is_refused(key_file):
    with pytest.raises(Refused, match="keep one"):
        load("k", env="A_KEY", file=key_file, environ={"A_KEY": "other"})


def test_credentials_of_a_venue_come_from_its_variables(key_file):
    found = credentials(
        "bybit",
        {
            "SOLVENT_BYBIT_API_KEY": "abc",
            "SOLVENT_BYBIT_API_SECRET_FILE": str(key_file),
            "SOLVENT_BYBIT_ADDRESS": "0xabc",
            "SOLVENT_BINGX_API_KEY": "not mine",
        },
    )
    assert found.api_key.reveal() == "abc"
    assert found.api_secret.reveal() == KEY
    assert (found.private_key, found.address) == (None, "0xabc")


def test_the_systems_keyring_is_asked_when_it_is_named(monkeypatch):
    keyring = pytest.importorskip("keyring")
    from keyring.backend import KeyringBackend
    from keyring.errors import KeyringLocked

    class InMemory(KeyringBackend):
        priority = 1

        def __init__(self, locked=False):
            super().__init__()
            self.locked = locked

        def get_password(self, service, username):
            if self.locked:
                raise KeyringLocked(f"cannot unlock {KEY}")
            return {("desk", "SOLVENT_NADO_PRIVATE_KEY"): KEY}.get((service, username))

        def set_password(self, service, username, password): ...

        def delete_password(self, service, username): ...

    before = keyring.get_keyring()
    try:
        keyring.set_keyring(InMemory())
        found = credentials("nado", {"SOLVENT_KEYRING": "desk"})
        assert (found.private_key.reveal(), found.api_key) == (KEY, None)
        assert credentials("nado", {}).private_key is None
        keyring.set_keyring(InMemory(locked=True))
        with pytest.raises(Refused) as caught:
            credentials("nado", {"SOLVENT_KEYRING": "desk"})
        assert "c0ffee" not in str(caught.value)
    finally:
        keyring.set_keyring(before)


def test_importing_solvent_brings_in_no_network_or_signing_library():
    code = (
        "import sys, solvent, solvent.venues.ports, solvent.venues.transport, solvent.venues.stream;"
        "print([m for m in ('aiohttp', 'eth_account', 'coincurve', 'keyring') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
