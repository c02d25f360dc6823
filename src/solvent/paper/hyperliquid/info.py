"""The `/info` endpoint: questions anyone may ask, each a `type` with its fields."""

from collections.abc import Callable
from typing import Any, Final

from solvent.paper.events import Printed
from solvent.paper.exchange import Exchange
from solvent.paper.hyperliquid import account_bodies, histories, market_bodies
from solvent.paper.hyperliquid.listings import SINGLE_BELOW, TABLES, margin_table, meta, spot_meta
from solvent.paper.hyperliquid.market_bodies import INTERVALS, Tape
from solvent.paper.hyperliquid.order_entry import Malformed, OrderDesk
from solvent.paper.hyperliquid.shapes import JSON, address, num, whole
from solvent.paper.hyperliquid.users import Usage, Users
from solvent.paper.ledger import Account
from solvent.paper.world import Surroundings

ALWAYS: Final = 2**62
NOBODY: Final = "0x" + "0" * 40


class Info:
    """Answers by type. Unknown users have empty, well-formed answers, as at the venue."""

    def __init__(self, around: Surroundings, users: Users, desk: OrderDesk, tape: Tape, name: str) -> None:
        self._around, self._users, self._desk, self._tape, self._name = around, users, desk, tape, name
        self._venue: Exchange = desk.venue
        self._nobody = Account(NOBODY)
        self._known: dict[str, Callable[[JSON], Any]] = {
            "meta": self._meta,
            "spotMeta": lambda _: spot_meta(),
            "metaAndAssetCtxs": self._contexts,
            "spotMetaAndAssetCtxs": lambda _: [spot_meta(), []],
            "allPerpMetas": lambda _: [meta()],
            "perpDexs": lambda _: [None],
            "allMids": lambda q: market_bodies.all_mids(self._venue) if self._main(q) else {},
            "l2Book": self._book,
            "recentTrades": self._trades,
            "candleSnapshot": self._candles,
            "fundingHistory": self._funding_history,
            "predictedFundings": lambda _: market_bodies.predicted_fundings(self._venue),
            "marginTable": self._margin_table,
            "exchangeStatus": lambda _: {"specialStatuses": None, "time": self._around.wall_ms(self._name)},
            "perpsAtOpenInterestCap": lambda _: [],
            "clearinghouseState": self._state,
            "spotClearinghouseState": lambda q: account_bodies.spot_state(self._users.known(user_of(q))),
            "activeAssetData": self._active,
            "openOrders": self._open_orders,
            "frontendOpenOrders": self._frontend_orders,
            "orderStatus": self._order_status,
            "historicalOrders": self._historical,
            "userFills": self._fills,
            "userFillsByTime": self._fills_by_time,
            "userFunding": self._funding,
            "userNonFundingLedgerUpdates": self._ledger,
            "userFees": self._fees,
            "userRateLimit": self._rate_limit,
            "userRole": self._role,
            "userAbstraction": lambda q: "disabled" if user_of(q) else None,
            "userDexAbstraction": lambda q: False if user_of(q) else None,
            "extraAgents": self._agents,
            "subAccounts": self._subs,
            "maxBuilderFee": self._builder_fee,
            "referral": self._referral,
            "portfolio": self._portfolio,
            "webData2": lambda q: self.web_data(user_of(q)),
            "userVaultEquities": lambda q: self._nothing(q, []),
            "userTwapSliceFills": lambda q: self._nothing(q, []),
            "userTwapSliceFillsByTime": lambda q: self._nothing(q, []),
            "twapHistory": lambda q: self._nothing(q, []),
            "userToMultiSigSigners": lambda q: self._nothing(q, None),
            "isVip": lambda q: self._nothing(q, False),
            "legalCheck": lambda q: self._nothing(q, {"ipAllowed": True, "acceptedTerms": True}),
            "delegations": lambda q: self._nothing(q, []),
            "delegatorHistory": lambda q: self._nothing(q, []),
            "delegatorRewards": lambda q: self._nothing(q, []),
            "delegatorSummary": self._delegator,
        }

    def answer(self, question: object) -> Any:
        """Raises Malformed for what is no question."""
        if not isinstance(question, dict) or not isinstance(kind := question.get("type"), str):
            raise Malformed
        handle = self._known.get(kind)
        if handle is None:
            raise Malformed
        return handle(question)

    # --- who and what is asked about

    def _account(self, question: JSON) -> Account:
        return self._users.known(user_of(question)) or self._nobody

    def _main(self, question: JSON) -> bool:
        """Whether the first dex is asked about; Malformed where the dex does not exist."""
        if question.get("dex") not in (None, ""):
            raise Malformed
        return True

    def _coin(self, given: object) -> str:
        if not isinstance(given, str) or given not in self._venue.listings:
            raise Malformed
        return given

    # --- markets

    def _meta(self, question: JSON) -> Any:
        self._main(question)
        return meta()

    def _contexts(self, question: JSON) -> Any:
        self._main(question)
        return market_bodies.meta_and_contexts(self._venue, self._tape)

    def _book(self, question: JSON) -> Any:
        figures = question.get("nSigFigs")
        if figures is not None and figures not in (2, 3, 4, 5):
            raise Malformed
        return market_bodies.l2_book(self._venue, self._coin(question.get("coin")), figures)

    def _trades(self, question: JSON) -> Any:
        coin = self._coin(question.get("coin"))
        return [self.public_trade(p) for p in reversed(self._tape.trades[coin])]

    def public_trade(self, printed: Printed) -> JSON:
        return market_bodies.public_trade(self._venue, printed, [NOBODY, NOBODY])

    def _candles(self, question: JSON) -> Any:
        asked = question.get("req")
        if not isinstance(asked, dict):
            raise Malformed
        interval = asked.get("interval")
        if not isinstance(interval, str) or interval not in INTERVALS:
            raise Malformed
        since, until = span(asked)
        return self._tape.candles(self._coin(asked.get("coin")), interval, since, until)

    def _funding_history(self, question: JSON) -> Any:
        coin = self._coin(question.get("coin"))
        return histories.funding_history(self._venue, coin, *span(question))

    def _margin_table(self, question: JSON) -> Any:
        number = whole(question.get("id"))
        if number is None or not (number in TABLES or 1 <= number < SINGLE_BELOW):
            raise Malformed
        return margin_table(number)

    # --- an account as it stands

    def _state(self, question: JSON) -> Any:
        account = self._account(question)
        self._main(question)
        return account_bodies.clearinghouse_state(self._venue, account, self._venue.now)

    def _active(self, question: JSON) -> Any:
        user, coin = user_of(question), self._coin(question.get("coin"))
        return self.active_asset(user, coin)

    def active_asset(self, user: str, coin: str) -> JSON:
        account = self._users.known(user)
        if account is None:
            return account_bodies.unknown_asset_data(self._venue, user, coin)
        return account_bodies.active_asset_data(self._venue, account, coin)

    def _open_orders(self, question: JSON) -> Any:
        self._main(question)
        return account_bodies.open_orders(self._venue, self._account(question))

    def _frontend_orders(self, question: JSON) -> Any:
        self._main(question)
        return account_bodies.frontend_orders(self._venue, self._account(question), self._desk.children)

    def _order_status(self, question: JSON) -> Any:
        order = self._desk.found(self._account(question), question.get("oid"))
        if order is None:
            return {"status": "unknownOid"}
        children = self._desk.children.get(order.number, [])
        return {"status": "order", "order": account_bodies.with_status(self._venue, order, children)}

    # --- what was

    def _historical(self, question: JSON) -> Any:
        account = self._account(question)
        every = [*account.history, *account.orders.values()]
        newest = sorted(every, key=lambda o: (o.updated, o.number), reverse=True)[: histories.PAGE]
        return [account_bodies.with_status(self._venue, o, []) for o in newest]

    def _fills(self, question: JSON) -> Any:
        aggregate = question.get("aggregateByTime") is True
        return histories.fills(self._venue, self._account(question), aggregate=aggregate)

    def _fills_by_time(self, question: JSON) -> Any:
        since, until = span(question)
        return histories.fills_between(
            self._venue,
            self._account(question),
            since,
            until,
            aggregate=question.get("aggregateByTime") is True,
            newest_first=question.get("reversed") is True,
        )

    def _funding(self, question: JSON) -> Any:
        return histories.user_funding(self._account(question), *span(question, needed=False))

    def _ledger(self, question: JSON) -> Any:
        return histories.ledger(self._account(question), *span(question, needed=False))

    # --- the rest

    def _fees(self, question: JSON) -> Any:
        account = self._account(question)
        listing = next(iter(self._venue.listings.values()))
        taker, maker = num(listing.taker), num(listing.maker)
        schedule = {
            "cross": taker,
            "add": maker,
            "spotCross": "0.0007",
            "spotAdd": "0.0004",
            "tiers": {"vip": [], "mm": []},
            "referralDiscount": "0.04",
            "stakingDiscountTiers": [],
        }
        day = {"date": "", "userCross": num(account.volume), "userAdd": "0.0", "exchange": "0.0"}
        return {
            "dailyUserVlm": [day],
            "feeSchedule": schedule,
            "userCrossRate": taker,
            "userAddRate": maker,
            "userSpotCrossRate": "0.0007",
            "userSpotAddRate": "0.0004",
            "activeReferralDiscount": "0.0",
            "trial": None,
            "feeTrialReward": "0.0",
            "nextTrialAvailableTimestamp": None,
            "stakingLink": None,
            "activeStakingDiscount": {"bpsOfMaxSupply": "0.0", "discount": "0.0"},
        }

    def _rate_limit(self, question: JSON) -> Any:
        account = self._account(question)
        used = self._users.usage.get(account.name, Usage()).requests
        cap = self._users.cap(account)
        return {
            "cumVlm": num(account.volume),
            "nRequestsUsed": used,
            "nRequestsCap": cap,
            "nRequestsSurplus": 0,
        }

    def _role(self, question: JSON) -> Any:
        user = user_of(question)
        if user in self._users.agents:
            return {"role": "agent", "data": {"user": self._users.agents[user].owner}}
        if user in self._users.masters:
            return {"role": "subAccount", "data": {"master": self._users.masters[user][0]}}
        return {"role": "user" if self._users.known(user) else "missing"}

    def _agents(self, question: JSON) -> Any:
        user = user_of(question)
        return [
            {"name": a.name, "address": each, "validUntil": a.valid_until}
            for each, a in self._users.agents.items()
            if a.owner == user and a.name
        ]

    def _subs(self, question: JSON) -> Any:
        found = []
        user = user_of(question)
        for sub, name in self._users.subs(user):
            account = self._users.opened(sub)
            found.append(
                {
                    "name": name,
                    "subAccountUser": sub,
                    "master": user,
                    "clearinghouseState": account_bodies.clearinghouse_state(
                        self._venue, account, self._venue.now
                    ),
                    "spotState": account_bodies.spot_state(account),
                }
            )
        return found or None

    def _builder_fee(self, question: JSON) -> Any:
        builder = address(question.get("builder"))
        if builder is None:
            raise Malformed
        return self._account(question).extra.get("builders", {}).get(builder, 0)

    def _referral(self, question: JSON) -> Any:
        account = self._account(question)
        return {
            "referredBy": None,
            "cumVlm": num(account.volume),
            "unclaimedRewards": "0.0",
            "claimedRewards": "0.0",
            "builderRewards": "0.0",
            "referrerState": {"stage": "needToTrade", "data": {"required": "10000.0"}},
            "rewardHistory": [],
        }

    def _portfolio(self, question: JSON) -> Any:
        """One point, now, in each period: the paper venue keeps no series of account values."""
        account = self._account(question)
        state = account_bodies.clearinghouse_state(self._venue, account, self._venue.now)
        value = [[self._venue.now, state["marginSummary"]["accountValue"]]]
        body = {"accountValueHistory": value, "pnlHistory": [], "vlm": num(account.volume)}
        periods = ("day", "week", "month", "allTime")
        return [[p, body] for p in (*periods, *("perp" + p[0].upper() + p[1:] for p in periods))]

    def _delegator(self, question: JSON) -> Any:
        nothing = {"delegated": "0.0", "undelegated": "0.0", "totalPendingWithdrawal": "0.0"}
        return self._nothing(question, {**nothing, "nPendingWithdrawals": 0})

    def _nothing(self, question: JSON, what: Any) -> Any:
        user_of(question)
        return what

    def web_data(self, user: str) -> JSON:
        """All that the venue's own page shows of an account."""
        account = self._users.known(user) or self._nobody
        agent = next(((each, a) for each, a in self._users.agents.items() if a.owner == user), None)
        return {
            "clearinghouseState": account_bodies.clearinghouse_state(self._venue, account, self._venue.now),
            "leadingVaults": [],
            "totalVaultEquity": "0.0",
            "openOrders": account_bodies.frontend_orders(self._venue, account, self._desk.children),
            "agentAddress": None if agent is None else agent[0],
            "agentValidUntil": None if agent is None else agent[1].valid_until,
            "cumLedger": num(sum(m.amount for m in account.moves)),
            "meta": meta(),
            "assetCtxs": [market_bodies.asset_context(self._venue, self._tape, c) for c in self._venue.listings],
            "serverTime": self._around.wall_ms(self._name),
            "isVault": False,
            "user": user,
            "twapStates": [],
            "spotState": account_bodies.spot_state(account),
            "spotAssetCtxs": [],
            "perpsAtOpenInterestCap": [],
        }


def user_of(question: JSON) -> str:
    """The address asked about, lower case; Malformed where there is none."""
    found = address(question.get("user"))
    if found is None:
        raise Malformed
    return found


def span(question: JSON, *, needed: bool = True) -> tuple[int, int]:
    """`startTime` and `endTime` in milliseconds."""
    since, until = question.get("startTime"), question.get("endTime")
    if since is None and not needed:
        since = 0
    if type(since) is not int or (until is not None and type(until) is not int):
        raise Malformed
    return since, ALWAYS if until is None else until


__all__ = ["Info", "span", "user_of"]
