"""What a line looks like, what may stand in it, and what may not."""

import copy
import json
import pickle
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from solvent import BadInput, Event, SolventError
from solvent.core.account import Side
from solvent.journal.errors import SecretRefused
from solvent.journal.events import event_name
from solvent.journal.record import GENESIS, MAX_LINE, Record, encode_fields, hash_holds, read_record, seal
from solvent.journal.values import plain, timestamp_text

STAMP = "2025-02-11T15:30:45.123456Z"


def made(seq: int = 1, prev: str = GENESIS, key: bytes | None = None, **fields: object) -> Record:
    return seal(STAMP, "order_submitted", encode_fields(fields), seq, prev, key)


def test_a_line_has_the_fields_in_their_order_and_a_hash_of_its_bytes() -> None:
    record = made(symbol="BTC-USD", side="buy", quantity=0.01, price=50000, order_id="order-123")
    body = (
        f'{{"timestamp":"{STAMP}","type":"order_submitted","symbol":"BTC-USD","side":"buy","quantity":"0.01",'
        f'"price":"50000","order_id":"order-123","v":1,"seq":1,"prev":"{"0" * 64}"'
    ).encode()
    digest = blake2b(body, digest_size=32).hexdigest()
    assert record.line == body + f',"hash":"{digest}"}}\n'.encode()
    assert record.hash == digest
    assert hash_holds(record)
    assert not hash_holds(record, b"k" * 16)


def test_a_keyed_hash_is_blake2b_with_that_key() -> None:
    record = made(key=b"k" * 32, symbol="X")
    assert record.hash == blake2b(record.line[:-76], digest_size=32, key=b"k" * 32).hexdigest()
    assert hash_holds(record, b"k" * 32)
    assert not hash_holds(record)


def test_a_record_is_a_frozen_mapping_whose_fields_are_attributes() -> None:
    record = made(symbol="BTC-USD", verdicts=[{"check": "notional", "passed": True}])
    assert record.symbol == record["symbol"] == record.get("symbol") == "BTC-USD"
    assert (record.seq, record.prev, record.type, record.timestamp) == (1, GENESIS, "order_submitted", STAMP)
    assert record["seq"] == 1
    assert record["hash"] == record.hash
    assert list(record) == ["timestamp", "type", "symbol", "verdicts", "v", "seq", "prev", "hash"]
    assert len(record) == 8
    assert "symbol" in record
    assert "price" not in record
    with pytest.raises(AttributeError):
        record.symbol = "ETH-USD"
    with pytest.raises(AttributeError):
        del record.seq
    with pytest.raises(TypeError):
        record["symbol"] = "ETH-USD"  # type: ignore[index]
    with pytest.raises(AttributeError):
        _ = record.price
    record["verdicts"][0]["passed"] = False
    assert record.verdicts == [{"check": "notional", "passed": True}]
    assert record == read_record(record.line) == pickle.loads(pickle.dumps(record)) == copy.deepcopy(record)
    assert record == json.loads(record.line)
    assert len({record, read_record(record.line)}) == 1
    assert repr(record) == f"<Record 1 {STAMP} order_submitted>"


@dataclass(frozen=True, slots=True)
class Verdict:
    check: str
    limit: Decimal
    passed: bool


class Wire(msgspec.Struct):
    coin: str
    size: int


@pytest.mark.parametrize(
    ("given_value", "written"),
    [
        (Decimal("0.010"), "0.010"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("-0.5"), "-0.5"),
        (Decimal("NaN"), "NaN"),
        (Decimal("1E+999999"), "1E+999999"),
        (0.01, "0.01"),
        (1e-7, "0.0000001"),
        (50000.0, "50000.0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (float("inf"), "Infinity"),
        (Fraction(3, 4), "0.75"),
        (Fraction(-1, 80), "-0.0125"),
        (Fraction(7), "7"),
        (Fraction(1, 3), "1/3"),
        (5, 5),
        (2**53, "9007199254740992"),
        (-(10**30), "-1" + "0" * 30),
        (True, True),
        (None, None),
        (Side.LONG, "long"),
        (Event.ERROR, "error"),
        (datetime(2025, 2, 11, 17, 0, tzinfo=timezone(timedelta(hours=2))), "2025-02-11T15:00:00.000000Z"),
        (date(2025, 2, 11), "2025-02-11"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (("a", Decimal(1)), ["a", "1"]),
        (Verdict("leverage", Decimal(3), False), {"check": "leverage", "limit": "3", "passed": False}),
        (Wire("BTC", 3), {"coin": "BTC", "size": "3"}),
        ({"price": 3, "entry_price": 4, "count": 5}, {"price": "3", "entry_price": "4", "count": 5}),
        ("BTC\u2028\n\x7fé", "BTC\u2028\n\x7fé"),
    ],
)
def test_values_are_written_exactly(given_value: object, written: object) -> None:
    record = made(x=given_value)
    assert json.loads(record.line)["x"] == written
    assert record.x == written


def test_a_line_is_one_line_of_ascii_for_every_reader() -> None:
    record = made(note="\u2028\u2029\x85\x1c\r\né𝄞")
    assert record.line.isascii()
    assert len(record.line.decode().splitlines()) == 1
    assert record.note == "\u2028\u2029\x85\x1c\r\né𝄞"


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1: "x"},
        {1, 2},
        datetime.fromisoformat("2025-01-01"),
        lambda: None,
        Exception("x"),
        10**2000,
        "\ud800",
    ],
)
def test_what_cannot_be_written_exactly_is_refused_with_its_name(value: object) -> None:
    with pytest.raises(BadInput):
        made(thing=value)


def test_a_loop_of_values_and_an_endless_record_are_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(BadInput, match="nesting"):
        made(x=loop)
    with pytest.raises(BadInput, match="bytes in one record"):
        made(x="a" * MAX_LINE)


@pytest.mark.parametrize("name", ["timestamp", "v", "seq", "prev", "hash"])
def test_the_journals_own_names_are_refused(name: str) -> None:
    with pytest.raises(BadInput) as refused:
        encode_fields({"symbol": "X", name: "x"})
    assert refused.value.was == name


class Wallet:
    __secret__ = True


NAMES = [
    "private_key",
    "privateKey",
    "PRIVATE_KEY",
    "agent_private_key",
    "secret",
    "api_secret",
    "apiSecret",
    "client_secret",
    "secret_key",
    "api_key",
    "apiKey",
    "X-BAPI-API-KEY",
    "signature",
    "order_signature",
    "sig",
    "mnemonic",
    "passphrase",
    "password",
    "seed_phrase",
    "seedPhrase",
    "auth_token",
    "access_token",
    "Authorization",
    "jwt",
]


@pytest.mark.parametrize("name", NAMES)
def test_secrets_are_refused_by_name_at_any_depth_and_never_shown(name: str) -> None:
    for fields in ({name: "hunter2"}, {"wire": {name: "hunter2"}}, {"a": [{"b": ({name: "hunter2"},)}]}):
        with pytest.raises(SecretRefused) as refused:
            made(**fields)
        assert "hunter2" not in str(refused.value)
        assert isinstance(refused.value, BadInput | SolventError)


@pytest.mark.parametrize(
    "value",
    [
        b"\x01" * 32,
        bytearray(32),
        memoryview(b"x"),
        SecretStr("hunter2"),
        Wallet(),
        "-----BEGIN PRIVATE KEY-----\nMC4CAQ...",
        "0x" + "ab" * 65,
        {"r": "0x1", "s": "0x2", "v": 27},
        "xprv" + "9" * 107,
    ],
)
def test_secrets_are_refused_by_type_and_by_look(value: object) -> None:
    for held in (value, [value], {"deep": {"er": value}}):
        with pytest.raises(SecretRefused) as refused:
            made(thing=held)
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "name",
    ["token", "key_level", "symbol", "order_id", "significant", "design", "venue", "secretary_note", "r", "s"],
)
def test_harmless_names_pass(name: str) -> None:
    assert made(**{name: "0x" + "ab" * 32})[name] == "0x" + "ab" * 32


def test_event_types_are_the_named_ones_and_words_of_ones_own() -> None:
    assert event_name(Event.ORDER_FILLED) == event_name("order_filled") == "order_filled"
    assert event_name("my_signal2") == "my_signal2"
    for bad in ("", "Order", "2x", "a-b", 'a","x":"', "x" * 65, "é"):
        with pytest.raises(BadInput):
            event_name(bad)
    assert {str(event) for event in Event} == {
        "order_submitted",
        "order_filled",
        "order_cancelled",
        "position_updated",
        "position_closed",
        "risk_rejected",
        "circuit_breaker_tripped",
        "error",
        "risk_approved",
        "reservation",
        "reservation_released",
        "balance_updated",
        "funding",
        "reconciled",
        "config_changed",
        "leverage_changed",
        "leverage_required",
        "leverage_verified",
        "leverage_unverified",
        "mark",
        "rate",
        "day_started",
        "breaker_reset",
        "transfer",
        "state",
        "positions_state",
        "torn_tail",
        "opened",
        "closed",
    }


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=9)), timezone(timedelta(hours=-8))])))
def test_timestamps_sort_as_times(moment: datetime) -> None:
    try:
        text, later = timestamp_text(moment), timestamp_text(moment + timedelta(microseconds=1))
    except OverflowError:
        return
    assert len(text) == 27
    assert text < later
    assert datetime.fromisoformat(text) == moment


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.decimals(allow_nan=False, places=6)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcdefg"), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["symbol", "price", "note", "inputs"]), values), st.integers(1, 2**62))
def test_what_is_written_reads_back(fields: dict[str, object], seq: int) -> None:
    record = made(seq, **fields)
    again = read_record(record.line)
    assert again is not None
    assert again == record
    assert hash_holds(again)
    assert {name: again[name] for name in fields} == {name: plain(value, name) for name, value in fields.items()}
    assert record.line.count(b"\n") == 1
    assert record.line.isascii()
    body = json.loads(record.line)
    assert json.dumps(body, separators=(",", ":")).encode() + b"\n" == record.line


@given(st.fractions())
def test_a_fraction_reads_back(value: Fraction) -> None:
    assert Fraction(str(plain(value))) == value
