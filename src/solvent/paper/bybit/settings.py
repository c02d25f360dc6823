"""Leverage, position mode, margin mode and isolated margin, with the venue's conditions."""

from typing import Final

from solvent.paper.bybit import margin
from solvent.paper.bybit.desk import NAME, Desk, Routes
from solvent.paper.bybit.listings import LEVERAGE_STEP
from solvent.paper.bybit.replies import Args, Refused, Row
from solvent.paper.bybit.stops import Stops
from solvent.paper.faults import Fault
from solvent.paper.ledger import Account, Holding, fund
from solvent.paper.units import ONE, times, units

MODES: Final = ("REGULAR_MARGIN", "ISOLATED_MARGIN", "PORTFOLIO_MARGIN")


class Settings:
    def __init__(self, desk: Desk, stops: Stops) -> None:
        self._desk, self._stops = desk, stops

    def routes(self) -> Routes:
        return {
            ("POST", "/v5/position/set-leverage"): self.set_leverage,
            ("POST", "/v5/position/switch-mode"): self.switch_mode,
            ("POST", "/v5/position/switch-isolated"): self.switch_isolated,
            ("POST", "/v5/position/set-risk-limit"): self.set_risk_limit,
            ("POST", "/v5/position/add-margin"): self.add_margin,
            ("POST", "/v5/position/set-auto-add-margin"): self.auto_add,
            ("POST", "/v5/position/trading-stop"): self._stops.set,
            ("POST", "/v5/position/confirm-pending-mmr"): self.confirm,
            ("POST", "/v5/account/set-margin-mode"): self.set_margin_mode,
        }

    # --- leverage

    def set_leverage(self, account: Account, args: Args) -> Row:
        symbol = self._desk.listing(args).symbol
        if margin.mode(account) == "PORTFOLIO_MARGIN":
            raise Refused(110038, "Portfolio margin mode is not allowed to change leverage")
        buy, sell = (self._leverage(symbol, args, name) for name in ("buyLeverage", "sellLeverage"))
        hedged, isolated = margin.hedged(account, symbol), margin.mode(account) == margin.ISOLATED
        if buy != sell and not (hedged and isolated):
            raise Refused(10001, "buyLeverage and sellLeverage must be equal")
        wanted = {"long": buy, "short": sell} if hedged else dict.fromkeys(("net", "long", "short"), buy)
        if self._desk.around.faults.strikes(Fault.LEVERAGE_REJECTED, NAME, symbol):
            raise Refused(110013, "Cannot set leverage due to risk limit level.")
        if all(margin.leverage(account, symbol, leg) == wanted[leg] for leg in margin.legs(account, symbol)):
            raise Refused(110043, "leverage not modified")
        self._fits(account, symbol, wanted)
        if self._desk.around.faults.strikes(Fault.LEVERAGE_IGNORED, NAME, symbol):
            return {}
        self._try(account, symbol, wanted)
        account.extra.setdefault("touched", {}).update({(symbol, leg): self._desk.exchange.now for leg in wanted})
        self._desk.exchange.changed(account, symbol, "leverage")
        return {}

    def _leverage(self, symbol: str, args: Args, name: str) -> int:
        args.needed(name)
        given = args.amount(name) or 0
        if given < ONE or given % LEVERAGE_STEP:
            raise Refused(10001, f"{name[:1].upper()}{name[1:]} invalid")
        most = self._desk.terms[symbol].tiers[0].max_leverage
        if given > most:
            raise _by_risk_limit(given, most)
        return given

    def _fits(self, account: Account, symbol: str, wanted: dict[str, int]) -> None:
        """What is held and ordered must fit the tier of the new leverage."""
        terms = self._desk.terms[symbol]
        for leg in margin.legs(account, symbol):
            held = account.held(symbol, leg)
            value = held.notional(self._desk.exchange.marks[symbol]) if held else 0
            orders = {1: 0, -1: 0}
            for order in margin.resting(account, symbol):
                if order.leg == leg and not order.reduce_only:
                    orders[order.sign] += times(order.left, order.price or 0)
            value += orders[held.sign] if held else max(orders.values())
            most = max((t.max_leverage for t in terms.tiers if value <= t.limit), default=ONE)
            if wanted[leg] > most:
                raise _by_risk_limit(wanted[leg], most)

    def _try(self, account: Account, symbol: str, wanted: dict[str, int]) -> None:
        """Set it and move isolated margin; all is put back where the account cannot bear it."""
        venue, terms = self._desk.exchange, self._desk.terms
        before = {leg: margin.leverage(account, symbol, leg) for leg in wanted}
        was_free = margin.totals(venue, terms, account).free
        account.leverage.update({(symbol, leg): value for leg, value in wanted.items()})
        pockets = [h for h in account.pockets() if h.symbol == symbol]
        had = [(h, h.cash) for h in pockets]
        for held in pockets:
            fund(account, held, margin.posted(venue, terms, account, held) - held.cost - held.cash)
        now = margin.totals(venue, terms, account)
        refused = None
        if now.free < 0 and now.free < was_free:
            refused = Refused(110044, "Insufficient available margin")
        if any(h.equity(venue.marks[symbol]) <= self._maintenance(account, h) for h in pockets):
            refused = Refused(110011, "Any adjustments made will trigger immediate liquidation")
        if refused is None:
            return
        for held, cash in had:
            fund(account, held, cash - held.cash)
        account.leverage.update({(symbol, leg): value for leg, value in before.items()})
        raise refused

    def _maintenance(self, account: Account, held: Holding) -> int:
        return margin.asked(self._desk.exchange, self._desk.terms, account, held).maintenance

    # --- modes

    def switch_mode(self, account: Account, args: Args) -> Row:
        """One-way (0) or hedge (3): one symbol, or all of a coin that have neither positions nor orders."""
        if args.category() != "linear":
            raise Refused(110029, "Hedge mode is not available for this symbol")
        wanted = args.whole("mode", -1, -1, 3)
        if wanted not in (0, 3):
            raise Refused(10001, "Mode invalid")
        modes: set[str] = account.extra.setdefault("hedge", set())
        if args.has("symbol"):
            symbol = self._desk.listing(args).symbol
            if (symbol in modes) == (wanted == 3):
                raise Refused(110025, "Position mode is not modified")
            if any(h.symbol == symbol for h in account.holdings.values()):
                raise Refused(110024, "You have an existing position, so the position mode cannot be switched")
            if any(o.symbol == symbol for o in account.orders.values()):
                raise Refused(110028, "You have existing open orders, so the position mode cannot be switched")
            self._switch(account, symbol, hedge=wanted == 3)
            return {}
        if args.text("coin") != "USDT":
            raise Refused(10001, "params error: symbol or coin is required")
        busy = {h.symbol for h in account.holdings.values()} | {o.symbol for o in account.orders.values()}
        for symbol in self._desk.exchange.listings:
            if symbol not in busy and (symbol in modes) != (wanted == 3):
                self._switch(account, symbol, hedge=wanted == 3)
        return {}

    def _switch(self, account: Account, symbol: str, *, hedge: bool) -> None:
        modes: set[str] = account.extra["hedge"]
        was = margin.leverage(account, symbol, margin.legs(account, symbol)[0])
        (modes.add if hedge else modes.discard)(symbol)
        account.leverage.update({(symbol, leg): was for leg in ("net", "long", "short")})
        self._desk.exchange.changed(account, symbol, "position mode")

    def switch_isolated(self, account: Account, args: Args) -> Row:
        raise Refused(100028, "unified account is forbidden")

    def set_risk_limit(self, account: Account, args: Args) -> Row:
        raise Refused(10001, "The risk limit is adjusted automatically")

    def set_margin_mode(self, account: Account, args: Args) -> Row:
        """Of the whole account. Positions go along, where their margin can be had."""
        wanted = args.choice("setMarginMode", MODES)
        if wanted == "PORTFOLIO_MARGIN":
            raise _mode_failed("3400091", "Portfolio margin is not available for this account")
        if wanted == margin.mode(account):
            raise Refused(110026, "Cross/isolated margin mode is not modified")
        if wanted == margin.ISOLATED:
            self._isolate(account)
        else:
            self._share(account)
        self._desk.exchange.changed(account, "", "margin mode")
        return {"reasons": []}

    def _isolate(self, account: Account) -> None:
        venue, terms = self._desk.exchange, self._desk.terms
        held = list(account.holdings.values())
        self._mark_isolated(account, held, isolated=True)
        for one in held:
            fund(account, one, margin.posted(venue, terms, account, one) - one.cost)
        broken = any(h.equity(venue.marks[h.symbol]) <= self._maintenance(account, h) for h in held)
        if margin.totals(venue, terms, account).free < 0 or broken:
            for one in held:
                fund(account, one, -one.cash)
            self._mark_isolated(account, held, isolated=False)
            raise _mode_failed("3400000", "Insufficient available balance for isolated margin")

    def _share(self, account: Account) -> None:
        venue, terms = self._desk.exchange, self._desk.terms
        held = account.pockets()
        cash = [h.cash for h in held]
        for one in held:
            fund(account, one, -one.cash)
        self._mark_isolated(account, held, isolated=False)
        now = margin.totals(venue, terms, account)
        if now.equity <= now.maintenance and held:
            self._mark_isolated(account, held, isolated=True)
            for one, before in zip(held, cash, strict=True):
                fund(account, one, before)
            raise _mode_failed("3400001", "The account would be liquidated at once")
        for one in held:
            one.extra.pop("added", None)

    def _mark_isolated(self, account: Account, held: list[Holding], *, isolated: bool) -> None:
        account.extra["mode"] = margin.ISOLATED if isolated else margin.REGULAR
        account.isolated = set(self._desk.exchange.listings) if isolated else set()
        for one in held:
            one.isolated = isolated

    # --- isolated margin

    def add_margin(self, account: Account, args: Args) -> Row:
        """Add to an isolated position, or take of what was added: never below its initial margin."""
        symbol = self._desk.listing(args).symbol
        leg, amount = self._desk.leg(account, args, symbol), args.amount("margin")
        if not amount or amount % units("0.0001"):
            raise Refused(10001, "Margin invalid")
        held = account.held(symbol, leg)
        if held is None:
            raise Refused(110033, "Margin cannot be set without open position")
        if not held.isolated:
            raise Refused(110015, "The position is in cross margin.")
        added = int(held.extra.get("added", 0))
        if amount > 0 and margin.totals(self._desk.exchange, self._desk.terms, account).free < amount:
            raise Refused(110014, "Insufficient available balance to add additional margin.")
        mark = self._desk.exchange.marks[symbol]
        left = held.equity(mark) + amount
        if amount < 0 and (added + amount < 0 or left <= self._initial_at_mark(account, held)):
            raise Refused(110040, "Order will trigger forced liquidation, please resubmit the order")
        held.extra["added"] = added + amount
        fund(account, held, amount)
        self._desk.exchange.changed(account, symbol, "margin")
        return {"category": "linear", **self._desk.rows.position(account, symbol, leg)}

    def _initial_at_mark(self, account: Account, held: Holding) -> int:
        return margin.asked(self._desk.exchange, self._desk.terms, account, held).maintenance

    def auto_add(self, account: Account, args: Args) -> Row:
        symbol = self._desk.listing(args).symbol
        leg, wanted = self._desk.leg(account, args, symbol), args.whole("autoAddMargin", 0, 0, 1)
        kept: set[tuple[str, str]] = account.extra.setdefault("auto", set())
        (kept.add if wanted else kept.discard)((symbol, leg))
        return {}

    def confirm(self, account: Account, args: Args) -> Row:
        self._desk.listing(args)
        return {}


def _by_risk_limit(wanted: int, most: int) -> Refused:
    """The venue writes leverages in hundredths here."""
    hundredth = ONE // 100
    return Refused(
        110013, f"cannot set leverage [{wanted // hundredth}] gt maxLeverage [{most // hundredth}] by risk limit"
    )


def _mode_failed(code: str, message: str) -> Refused:
    reasons = [{"reasonCode": code, "reasonMsg": message}]
    return Refused(3400045, "Set margin mode failed", result={"reasons": reasons})
