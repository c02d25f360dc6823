"""Which rules judge which account."""

from solvent.core.account import Account, Venue
from solvent.margin.bingx import BingxRules
from solvent.margin.bybit import BybitRules
from solvent.margin.hyperliquid import HyperliquidRules
from solvent.margin.nado import NadoRules
from solvent.margin.rules import Rules


def rules_for(account: Account) -> Rules:
    match account.venue:
        case Venue.HYPERLIQUID:
            return HyperliquidRules(account)
        case Venue.NADO:
            return NadoRules(account)
        case Venue.BYBIT:
            return BybitRules(account)
        case Venue.BINGX:
            return BingxRules(account)
