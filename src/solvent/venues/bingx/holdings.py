"""What BingX says an account has: balances, positions, leverage and modes, income; as facts."""

from decimal import Decimal
from typing import Any, Final

from solvent.core.account import Mode, Side
from solvent.core.errors import BadInput
from solvent.core.facts import FundingPayment, Transfer
from solvent.core.numbers import Number, parse_decimal
from solvent.venues import envelope
from solvent.venues.bingx import wire
from solvent.venues.bingx.quotes import stated, symbol_of
from solvent.venues.bingx.refusals import VENUE
from solvent.venues.fill_lists import milliseconds
from solvent.venues.stated import LeverageState, PositionMode, VenueBalance, VenuePosition

MODES: Final = {
    "CROSSED": Mode.CROSS,
    "CROSS": Mode.CROSS,
    "ISOLATED": Mode.ISOLATED,
    "SEPARATE_ISOLATED": Mode.ISOLATED,
}
SIDES: Final = {"LONG": Side.LONG, "SHORT": Side.SHORT}
STEP: Final = Decimal(1)


class Position(wire.Position, frozen=True):
    only_one_position: bool = False


class MarginType(wire.Wire, frozen=True):
    margin_type: str


class Income(wire.Wire, frozen=True):
    income_type: str
    income: Number
    time: int | str
    symbol: str = ""
    asset: str = ""
    tran_id: str | int = ""


def balances(data: Any) -> tuple[VenueBalance, ...]:
    """A list of assets, one object, or one object under `balance`."""
    rows = data if isinstance(data, list) else [data]
    found: list[VenueBalance] = []
    for index, row in enumerate(rows):
        if isinstance(row, dict) and isinstance(row.get("balance"), dict):
            row = row["balance"]
        path = f"balance[{index}]"
        raw = envelope.decode(row, wire.Balance, path)
        found.append(
            VenueBalance(
                asset=raw.asset,
                total=parse_decimal(raw.balance, f"{path}.balance"),
                available=stated(raw.available_margin, f"{path}.availableMargin"),
                equity=stated(raw.equity, f"{path}.equity"),
            )
        )
    return tuple(found)


def positions(data: Any) -> tuple[VenuePosition, ...]:
    """All that is held. A side is stated in one-way mode too; there it only says which way the position goes."""
    return tuple(made for made, _ in positions_and_margins(data))


def positions_and_margins(data: Any) -> list[tuple[VenuePosition, Decimal | None]]:
    """Each position with the money that was put into it: its margin without the profit."""
    found: list[tuple[VenuePosition, Decimal | None]] = []
    for index, raw in enumerate(envelope.decode(data, list[Position], "positions")):
        path = f"positions[{index}]"
        amount = parse_decimal(raw.position_amt, f"{path}.positionAmt")
        if amount == 0:
            continue
        margin = stated(raw.margin, f"{path}.margin")
        profit = stated(raw.unrealized_profit, f"{path}.unrealizedProfit")
        size, side = signed(amount, raw.position_side, f"{path}.positionSide")
        made = VenuePosition(
            instrument=symbol_of(raw.symbol, path),
            size=size,
            entry=stated(raw.avg_price, f"{path}.avgPrice", above=0),
            mark=stated(raw.mark_price, f"{path}.markPrice", above=0),
            leverage=stated(raw.leverage, f"{path}.leverage", least=1),
            mode=Mode.ISOLATED if raw.isolated else Mode.CROSS,
            margin=margin if raw.isolated else None,
            liquidation_price=stated(raw.liquidation_price, f"{path}.liquidationPrice", least=0) or None,
            position_side=None if raw.only_one_position else side,
        )
        found.append((made, None if margin is None or profit is None else margin - profit))
    return found


def signed(amount: Decimal, said: str, path: str) -> tuple[Decimal, Side | None]:
    """The signed size of a position and its side; BOTH: the amount has the sign already."""
    if said == "BOTH":
        return amount, None
    side = SIDES.get(said)
    if side is None:
        raise BadInput(path, "LONG, SHORT or BOTH", said)
    return abs(amount) * side.sign, side


def leverage(data: Any, instrument: str, mode: Mode, positions: PositionMode | None = None) -> LeverageState:
    """Both sides' settings. Raises BadInput where one is missing: half a setting is none."""
    raw = envelope.decode(data, wire.Leverage, "leverage")
    long = stated(raw.long_leverage, "leverage.longLeverage", least=1)
    short = stated(raw.short_leverage, "leverage.shortLeverage", least=1)
    if long is None or short is None:
        raise BadInput("leverage", "longLeverage and shortLeverage", "<missing>")
    most = [
        n
        for n in (
            stated(raw.max_long_leverage, "leverage.maxLongLeverage", least=1),
            stated(raw.max_short_leverage, "leverage.maxShortLeverage", least=1),
        )
        if n is not None
    ]
    largest = [
        n
        for n in (
            stated(raw.max_position_long_val, "leverage.maxPositionLongVal"),
            stated(raw.max_position_short_val, "leverage.maxPositionShortVal"),
        )
        if n is not None
    ]
    return LeverageState(
        instrument=instrument,
        mode=mode,
        long=long,
        short=short,
        maximum=min(most, default=None),
        step=STEP,
        position_mode=positions,
        max_notional=min(largest, default=None),
    )


def margin_mode(data: Any) -> Mode:
    said = envelope.decode(data, MarginType, "marginType").margin_type
    return mode_of(said, "marginType.marginType")


def mode_of(said: str, path: str) -> Mode:
    found = MODES.get(said.upper())
    if found is None:
        raise BadInput(path, "ISOLATED or CROSSED", said)
    return found


def position_mode(data: Any) -> PositionMode:
    """The venue says "true" or true for hedge mode."""
    said = str(envelope.decode(data, wire.PositionSide, "positionSide").dual_side_position).lower()
    if said not in ("true", "false"):
        raise BadInput("positionSide.dualSidePosition", "true or false", said)
    return "hedge" if said == "true" else "one_way"


def income(data: Any) -> list[Income]:
    """Rows of `income`; the venue answers null where there is nothing."""
    return envelope.decode([] if data is None else data, list[Income], "income")


def funding(raw: Income, account: str, path: str) -> FundingPayment:
    try:
        return FundingPayment(
            id=str(raw.tran_id),
            symbol=raw.symbol,
            amount=parse_decimal(raw.income, f"{path}.income"),
            asset=raw.asset,
            time=milliseconds(raw.time, f"{path}.time"),
            venue=VENUE,
            account=account,
        )
    except ValueError as error:
        raise BadInput(path, "a funding payment", f"<{error}>") from None


def transfer(raw: Income, account: str, path: str) -> Transfer:
    try:
        return Transfer(
            id=str(raw.tran_id),
            asset=raw.asset,
            amount=parse_decimal(raw.income, f"{path}.income"),
            time=milliseconds(raw.time, f"{path}.time"),
            venue=VENUE,
            account=account,
        )
    except ValueError as error:
        raise BadInput(path, "a transfer", f"<{error}>") from None
