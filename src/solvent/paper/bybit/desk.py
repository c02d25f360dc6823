"""What all handlers of the venue share: the exchange, its symbols, accounts and records."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from solvent.paper.bybit.auth import Key
from solvent.paper.bybit.listings import Terms
from solvent.paper.bybit.records import Records
from solvent.paper.bybit.replies import Args, Refused, Row
from solvent.paper.bybit.rows import LEGS, Ids, Rows
from solvent.paper.bybit.rules import BybitRules
from solvent.paper.exchange import Exchange
from solvent.paper.ledger import Account
from solvent.paper.listing import Listing
from solvent.paper.world import Surroundings

NAME: Final = "bybit"


@dataclass(frozen=True, slots=True)
class Desk:
    around: Surroundings
    exchange: Exchange
    terms: dict[str, Terms]
    rules: BybitRules
    rows: Rows
    records: Records
    ids: Ids
    keys: dict[str, Key]
    """By account name."""

    def wall(self) -> int:
        return self.around.wall_ms(NAME)

    def listing(self, args: Args) -> Listing:
        """The symbol that an action is about."""
        category, symbol = args.category(), args.needed("symbol")
        if category != "linear" or symbol not in self.exchange.listings:
            raise Refused(10001, f"params error: symbol invalid {symbol[:40]}")
        return self.exchange.listings[symbol]

    def symbols(self, args: Args) -> list[str]:
        """The symbols a query is about: one, or all. Other categories have none here."""
        if args.category() != "linear":
            return []
        if args.has("symbol"):
            return [self.listing(args).symbol]
        coin, base = args.text("settleCoin", "USDT"), args.text("baseCoin")
        if coin != "USDT":
            return []
        return [s for s in self.exchange.listings if not base or self.terms[s].base == base]

    def leg(self, account: Account, args: Args, symbol: str) -> str:
        """The leg of a positionIdx, which must fit the symbol's position mode."""
        index = args.whole("positionIdx", 0, 0, 2)
        hedged = symbol in account.extra.setdefault("hedge", set())
        if (index == 0) == hedged:
            raise Refused(10001, "position idx not match position mode")
        return LEGS[index]


Answerer = Callable[[Account, Args], Row]
Routes = dict[tuple[str, str], Answerer]
