"""The funding wallet beside the unified account: coins, transfers, deposits, demo money, who asks."""

from typing import Final

from solvent.paper.bybit import margin
from solvent.paper.bybit.desk import Desk, Routes
from solvent.paper.bybit.replies import Args, Refused, Row, paged
from solvent.paper.bybit.rows import money
from solvent.paper.ledger import Account
from solvent.paper.orders import Moved
from solvent.paper.units import units

COIN: Final = "USDT"
MOST: Final = units("100000000")


class Assets:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._transfers: dict[str, set[str]] = {}

    def routes(self) -> Routes:
        return {
            ("GET", "/v5/asset/coin/query-info"): self.coins,
            ("GET", "/v5/asset/transfer/query-account-coin-balance"): self.coin_balance,
            ("GET", "/v5/asset/transfer/query-account-coins-balance"): self.coins_balance,
            ("GET", "/v5/asset/transfer/query-asset-info"): lambda _a, _g: {
                "spot": {"status": "NORMAL", "assets": []}
            },
            ("GET", "/v5/asset/transfer/query-transfer-coin-list"): lambda _a, _g: {"list": [COIN]},
            ("POST", "/v5/asset/transfer/inter-transfer"): self.transfer,
            ("GET", "/v5/asset/transfer/query-inter-transfer-list"): self.transfers,
            ("POST", "/v5/account/demo-apply-money"): self.demo_money,
            ("GET", "/v5/asset/deposit/query-record"): lambda _a, _g: {"rows": [], "nextPageCursor": ""},
            ("GET", "/v5/asset/deposit/query-internal-record"): lambda _a, _g: {"rows": [], "nextPageCursor": ""},
            ("GET", "/v5/asset/withdraw/query-record"): lambda _a, _g: {"rows": [], "nextPageCursor": ""},
            ("GET", "/v5/asset/withdraw/withdrawable-amount"): self.withdrawable,
            ("GET", "/v5/asset/settlement-record"): self.nothing,
            ("GET", "/v5/asset/delivery-record"): self.nothing,
            ("GET", "/v5/user/query-api"): self.who,
            ("GET", "/v5/user/query-sub-members"): lambda _a, _g: {"subMembers": []},
            ("GET", "/v5/user/get-member-type"): lambda _a, _g: {"accounts": []},
        }

    def nothing(self, account: Account, args: Args) -> Row:
        return {"category": args.text("category"), "list": [], "nextPageCursor": ""}

    def coins(self, account: Account, args: Args) -> Row:
        if args.text("coin", COIN) != COIN:
            return {"rows": []}
        chain = {
            "chainType": "Ethereum (ERC20)",
            "confirmation": "6",
            "withdrawFee": "1",
            "depositMin": "0",
            "withdrawMin": "10",
            "chain": "ETH",
            "chainDeposit": "1",
            "chainWithdraw": "1",
            "minAccuracy": "6",
            "withdrawPercentageFee": "0",
            "contractAddress": "",
            "safeConfirmNumber": "64",
        }
        return {"rows": [{"name": COIN, "coin": COIN, "remainAmount": "10000000", "chains": [chain]}]}

    # --- balances

    def _of(self, account: Account, kind: str) -> tuple[int, int]:
        """Balance and what may leave, of one account type."""
        if kind == "UNIFIED":
            free = margin.withdrawable(self._desk.exchange, self._desk.terms, account)
            return margin.wallet(account), free
        if kind == "FUND":
            fund = int(account.extra.get("fund", 0))
            return fund, fund
        raise Refused(10001, "AccountType invalid")

    def coin_balance(self, account: Account, args: Args) -> Row:
        kind = args.needed("accountType")
        wallet, free = self._of(account, kind)
        known = args.needed("coin") == COIN
        return {
            "accountType": kind,
            "bizType": 1,
            "accountId": str(self._desk.keys[account.name].user),
            "memberId": str(self._desk.keys[account.name].user),
            "balance": {
                "coin": args.text("coin"),
                "walletBalance": money(wallet) if known else "0",
                "transferBalance": money(free) if known else "0",
                "bonus": "",
                "transferSafeAmount": "",
                "ltvTransferSafeAmount": "",
            },
        }

    def coins_balance(self, account: Account, args: Args) -> Row:
        kind = args.needed("accountType")
        wallet, free = self._of(account, kind)
        row = {"coin": COIN, "walletBalance": money(wallet), "transferBalance": money(free), "bonus": ""}
        wanted = args.text("coin", COIN).split(",")
        user = str(self._desk.keys[account.name].user)
        return {"memberId": user, "accountType": kind, "balance": [row] if COIN in wanted else []}

    def withdrawable(self, account: Account, args: Args) -> Row:
        amounts = {}
        for kind, name in (("UNIFIED", "UTA"), ("FUND", "FUND")):
            _, free = self._of(account, kind)
            amounts[name] = {"coin": COIN, "withdrawableAmount": money(free), "availableBalance": money(free)}
        return {"limitAmountUsd": "", "withdrawableAmount": amounts}

    # --- movements

    def _amount(self, args: Args, name: str = "amount") -> int:
        amount = args.amount(name) or 0
        if not 0 < amount <= MOST or amount % 10**10:
            raise Refused(10001, "Amount invalid")
        return amount

    def transfer(self, account: Account, args: Args) -> Row:
        """Between the unified account and the funding wallet. One id moves money once."""
        name, source, target = (args.needed(n) for n in ("transferId", "fromAccountType", "toAccountType"))
        amount = self._amount(args)
        done = self._transfers.setdefault(account.name, set())
        if name in done:
            raise Refused(131214, "Transfer ID duplicate")
        if args.needed("coin") != COIN or {source, target} != {"UNIFIED", "FUND"}:
            raise Refused(131203, "Transfer is not supported between these accounts")
        if self._of(account, source)[1] < amount:
            raise Refused(131212, "Insufficient balance")
        done.add(name)
        into = amount if target == "UNIFIED" else -amount
        account.extra["fund"] = int(account.extra.get("fund", 0)) - into
        kind = "transfer_in" if into > 0 else "transfer_out"
        self._desk.exchange.move(account, kind, into, asset=COIN, other=name)
        return {"transferId": name, "status": "SUCCESS"}

    def transfers(self, account: Account, args: Args) -> Row:
        rows = [self._row(m) for m in reversed(account.moves) if m.kind in ("transfer_in", "transfer_out")]
        page, cursor = paged(rows, args, default=20, most=50)
        return {"list": page, "nextPageCursor": cursor}

    def _row(self, moved: Moved) -> Row:
        ways = ("FUND", "UNIFIED") if moved.amount > 0 else ("UNIFIED", "FUND")
        return {
            "transferId": moved.other,
            "coin": COIN,
            "amount": money(abs(moved.amount)),
            "fromAccountType": ways[0],
            "toAccountType": ways[1],
            "timestamp": str(moved.time),
            "status": "SUCCESS",
        }

    def demo_money(self, account: Account, args: Args) -> Row:
        """The venue's way to be given money where none is real; type 1 takes it back."""
        back = args.whole("adjustType", 0, 0, 1)
        for row in args.rows("utaDemoApplyMoney"):
            given = Args(row)
            if given.needed("coin") != COIN:
                raise Refused(10001, "Coin invalid")
            amount = self._amount(given, "amountStr")
            if back and self._of(account, "UNIFIED")[1] < amount:
                raise Refused(131212, "Insufficient balance")
            kind = "withdraw" if back else "deposit"
            self._desk.exchange.move(account, kind, -amount if back else amount, asset=COIN)
        return {}

    def who(self, account: Account, args: Args) -> Row:
        key = self._desk.keys[account.name]
        return {
            "id": str(key.user),
            "note": account.name,
            "apiKey": key.key,
            "readOnly": 0,
            "secret": "",
            "permissions": {
                "ContractTrade": ["Order", "Position"],
                "Spot": [],
                "Wallet": ["AccountTransfer"],
                "Options": [],
                "Derivatives": ["DerivativesTrade"],
                "CopyTrading": [],
                "BlockTrade": [],
                "Exchange": [],
                "NFT": [],
                "Affiliate": [],
            },
            "ips": ["*"],
            "type": 1,
            "deadlineDay": 90,
            "expiredAt": "2099-01-01T00:00:00Z",
            "createdAt": "2024-01-01T00:00:00Z",
            "unified": 0,
            "uta": 1,
            "userID": key.user,
            "inviterID": 0,
            "vipLevel": "No VIP",
            "mktMakerLevel": "0",
            "affiliateID": 0,
            "rsaPublicKey": "",
            "isMaster": True,
            "parentUid": "0",
            "kycLevel": "LEVEL_DEFAULT",
            "kycRegion": "",
        }
