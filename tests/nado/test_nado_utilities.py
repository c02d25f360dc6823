"""The small functions of the documented API, the printed summary, and asking a client."""

import io
import json
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nado_bodies import SUBACCOUNT, WHOLE, event, info, isolated, perp_balance, product, spot_balance, x18

import solvent.nado as nado
from solvent.core.errors import BadInput
from solvent.nado import MarginManager, from_x18, print_account_summary, subaccount_to_hex

D = Decimal
ADDRESS = "0x8D7d64d6cF1D4F018Dd101482Ac71Ad49e30c560"


# --- numbers and ids ------------------------------------------------------------------------------------------


@given(st.integers(-(10**60), 10**60))
def test_from_x18_is_exact(value: int) -> None:
    found = from_x18(value)
    sign, digits, exponent = found.as_tuple()
    assert isinstance(exponent, int)
    assert int(D((sign, digits, exponent + 18))) == value or value == 0
    assert from_x18(str(value)) == found


@pytest.mark.parametrize("value", ["1e18", " 1", "NaN", True, 1.0, None])
def test_from_x18_refuses_what_is_no_integer(value: Any) -> None:
    with pytest.raises(BadInput):
        from_x18(value)


def test_subaccount_ids() -> None:
    default = "0x8d7d64d6cf1d4f018dd101482ac71ad49e30c56064656661756c740000000000"
    assert subaccount_to_hex(ADDRESS, "default") == default
    assert subaccount_to_hex(ADDRESS[2:], b"default") == default
    assert subaccount_to_hex(bytes.fromhex(ADDRESS[2:]), "default") == default
    assert subaccount_to_hex(default.upper().replace("0X", "0x")) == default
    assert subaccount_to_hex(ADDRESS) == "0x" + ADDRESS[2:].lower() + "0" * 24
    owner = SimpleNamespace(subaccount_owner=ADDRESS, subaccount_name="default")
    assert subaccount_to_hex(owner) == default


@pytest.mark.parametrize(
    ("subaccount", "name"),
    [
        ("0x1234", "default"),
        ("0xzz", None),
        ("", None),
        (ADDRESS, "thirteen char"),
        ("0x" + "00" * 33, None),
        (5, None),
    ],
)
def test_subaccount_ids_of_the_wrong_form_are_refused(subaccount: Any, name: str | None) -> None:
    with pytest.raises(BadInput):
        subaccount_to_hex(subaccount, name)


# --- balance utilities ------------------------------------------------------------------------------------------


def test_values_of_plain_numbers() -> None:
    assert nado.calculate_spot_balance_value(100, "2000") == 200000
    assert nado.calculate_spot_balance_value(amount=0.1, oracle_price=3) == D("0.3")
    assert nado.calculate_perp_balance_notional_value(D("-5"), D("50000")) == 250000
    assert nado.calculate_perp_balance_value(10, 51000, -500000) == 10000
    with pytest.raises(BadInput, match="oracle_price"):
        nado.calculate_spot_balance_value(1, "Infinity")


def test_values_keep_every_digit() -> None:
    amount, price = "123456789.123456789123456789", "98765.987654321987654321"
    expected = 123456789123456789123456789 * 98765987654321987654321
    assert nado.calculate_spot_balance_value(amount, price) == D(f"{expected}E-36")


def test_values_of_rows() -> None:
    cash = (spot_balance(0, "500"), product(0, "1", WHOLE))
    borrow = (spot_balance(1, "-2"), product(1, "100"))
    short = (perp_balance(2, "-2", "210"), product(2, "100"))
    long = (perp_balance(4, "3", "-30"), product(4, "11"))
    assert nado.parse_spot_balance_value(*borrow) == -200
    assert nado.parse_perp_balance_notional_value(*short) == 200
    assert nado.parse_perp_balance_value(*short) == 10
    assert nado.calculate_total_spot_deposits_and_borrows([cash, borrow]) == (500, 200)
    assert nado.calculate_total_perp_notional([short, long]) == 233
    assert nado.calculate_total_perp_value([short, long]) == 13
    with pytest.raises(BadInput, match=r"product\.product_id: expected 1, as in its balance, was 2"):
        nado.parse_spot_balance_value(borrow[0], short[1])


# --- the printed summary ----------------------------------------------------------------------------------------


def printed(manager: MarginManager) -> str:
    out = io.StringIO()
    print_account_summary(manager.calculate_account_summary(), out)
    return out.getvalue()


def test_the_printed_summary_has_the_documented_headings(capsys: pytest.CaptureFixture[str]) -> None:
    body = info(cash="1000", perps=((2, "0.1", "-5000", "51000"),), healths=("1", "845", "1100"))
    manager = MarginManager(body, [isolated("2", "-300", "50", "101")], [event(2, x18("5001.5"))])
    text = printed(manager)
    for heading in (
        "MARGIN MANAGER ACCOUNT SUMMARY",
        "HEALTH METRICS",
        "MARGIN USAGE",
        "AVAILABLE FUNDS",
        "PORTFOLIO",
        "CROSS POSITIONS",
        "ISOLATED POSITIONS",
    ):
        assert heading in text
    lines = {" ".join(line.split()) for line in text.splitlines()}
    assert {"Initial Health: $590.00", "Est. PnL: $98.50", "Leverage: Infinityx", "Leverage: 4.64x"} <= lines
    assert "initial_health: computed 590, reported 1" in lines
    print_account_summary(manager.calculate_account_summary())
    assert capsys.readouterr().out == text


def test_what_is_not_known_reads_na() -> None:
    text = printed(MarginManager(info(cash="100000", perps=((2, "0.1", "-5000", "51000"),))))
    for label in ("Est. PnL:", "Avg Entry Price:", "Est. Liq Price:"):
        assert next(line for line in text.splitlines() if label in line).split()[-1] == "N/A"
    assert "DIFFERENCES" not in text


def test_an_empty_account_prints() -> None:
    assert printed(MarginManager(info(cash="0"))).count("none") == 3


# --- asking a client --------------------------------------------------------------------------------------------


@dataclass
class Venue:
    """A client of one's own: engine, indexer and context in one."""

    signer: Any = None
    asked: list[Any] = field(default_factory=list)

    @property
    def context(self) -> "Venue":
        return self

    @property
    def engine_client(self) -> "Venue":
        return self

    @property
    def indexer_client(self) -> "Venue":
        return self

    def get_subaccount_info(self, subaccount: str) -> Any:
        self.asked.append(subaccount)
        return {**info(cash="1000", perps=((2, "0.1", "-5000", "51000"),)), "subaccount": subaccount}

    def get_isolated_positions(self, subaccount: str) -> Any:
        self.asked.append(subaccount)
        return SimpleNamespace(isolated_positions=[isolated("2", "-200", "50", "101")])

    def get_multi_subaccount_snapshots(self, params: Any) -> Any:
        self.asked.append(params)
        own = {str(params.timestamps[0]): [event(2, x18("5001.5"))]}
        return SimpleNamespace(snapshots={"0x" + "aa" * 32: {}, params.subaccounts[0].upper(): own})


def test_from_client_asks_for_the_signers_subaccount() -> None:
    venue = Venue(signer=SimpleNamespace(address=ADDRESS))
    found = MarginManager.from_client(venue, snapshot_timestamp=1000).calculate_account_summary()
    asked = subaccount_to_hex(ADDRESS, "default")
    assert venue.asked[:2] == [asked, asked]
    params = venue.asked[2]
    assert (params.subaccounts, params.timestamps, params.isolated, params.active) == (
        [asked],
        [1000],
        False,
        True,
    )
    assert found.cross_positions[0].est_pnl == D("98.5")
    assert found.portfolio_value == 1152


def test_from_client_passes_its_options_on() -> None:
    venue = Venue()
    manager = MarginManager.from_client(
        venue, subaccount=SUBACCOUNT, snapshot_isolated=None, snapshot_active_only=False, health_groups=[]
    )
    assert manager.calculate_account_summary().cross_positions[0].est_pnl == D("98.5")
    assert (venue.asked[2].isolated, venue.asked[2].active) == (None, False)
    assert venue.asked[2].timestamps[0] > 1_700_000_000
    silent = Venue()
    found = MarginManager.from_client(silent, subaccount=SUBACCOUNT, include_indexer_events=False)
    assert found.calculate_account_summary().cross_positions[0].est_pnl is None
    assert len(silent.asked) == 2


def test_from_client_needs_a_subaccount_or_a_signer() -> None:
    with pytest.raises(ValueError, match="subaccount: give one, since the client has no signer"):
        MarginManager.from_client(Venue())


def test_a_summary_is_json_with_exact_numbers() -> None:
    msgspec = pytest.importorskip("msgspec")
    found = MarginManager(info(cash="1000.1")).calculate_account_summary()
    assert json.loads(msgspec.json.encode(found))["portfolio_value"] == "1000.1"
