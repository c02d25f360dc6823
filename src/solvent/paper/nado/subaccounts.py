"""Subaccounts: a name of 32 bytes, balances by product, and what the archive tracks of each.

An isolated position lives in a subaccount of its own, named after its owner and product. The exchange keeps one
account for each subaccount: its cash is the quote balance and all v_quote balances together.
"""

from dataclasses import dataclass, field
from typing import Final

from solvent.paper.ledger import Account
from solvent.paper.nado.health import Balance
from solvent.paper.nado.listings import QUOTE_ID
from solvent.paper.nado.products import Products

NOBODY: Final = "0x" + "00" * 20
ISOLATED_MOST: Final = 10
"""Isolated subaccounts of one address."""
_ISO: Final = "69736f"


@dataclass(slots=True)
class Tracked:
    """What the archive adds up for one balance. Entry: cost of what is open, positive for a long."""

    entry: int = 0
    entry_cumulative: int = 0
    funding: int = 0
    funding_cumulative: int = 0
    volume: int = 0


@dataclass(slots=True)
class Sub:
    name: str
    account: Account
    spots: dict[int, int] = field(default_factory=lambda: {QUOTE_ID: 0})
    v_quotes: dict[int, int] = field(default_factory=dict)
    funding_marks: dict[int, int] = field(default_factory=dict)
    """The cumulative funding up to which each perpetual balance is settled."""
    tracked: dict[int, Tracked] = field(default_factory=dict)
    signer: str = NOBODY
    signer_links: list[int] = field(default_factory=list)
    """When signers were linked, wall time in ms."""
    parent: str = ""
    """The subaccount that an isolated one belongs to."""
    product_id: int = 0
    """Isolated only: the product it is for."""
    exists: bool = False
    picture: bool = False
    """Loaded from a body with products that do not trade here: it is shown, never liquidated."""
    order: tuple[list[int], list[int]] | None = None
    """Loaded: in which order the body listed balances."""
    created: int = 0

    @property
    def address(self) -> str:
        return self.name[:42]

    @property
    def isolated(self) -> bool:
        return bool(self.parent)

    @property
    def owner(self) -> str:
        """The subaccount that people know it by."""
        return self.parent or self.name

    @property
    def quote(self) -> int:
        return self.spots[QUOTE_ID]

    def track(self, product_id: int) -> Tracked:
        return self.tracked.setdefault(product_id, Tracked())

    def size(self, symbol: str) -> int:
        return self.account.size(symbol)

    def balances(self, products: Products) -> list[Balance]:
        """Of every product that there is; of an isolated one the quote and its own."""
        if self.isolated:
            perp = products.by_number[self.product_id]
            return [
                Balance(QUOTE_ID, self.quote, 0),
                Balance(perp.number, self.size(perp.symbol), self.v_quotes.get(perp.number, 0)),
            ]
        spots = [Balance(p.number, self.spots.get(p.number, 0), 0) for p in products.spots()]
        return spots + [
            Balance(p.number, self.size(p.symbol), self.v_quotes.get(p.number, 0)) for p in products.perps()
        ]


def named(address: str, name: str = "default") -> str:
    """The subaccount's 32 bytes as hex: address and name, filled up with zeros."""
    return address.lower() + name.encode().hex().ljust(24, "0")


def isolated_name(address: str, product_id: int, index: int) -> str:
    """address (20) | 0 (6) | product (2) | index (1) | "iso" (3)."""
    return address + "00" * 6 + f"{product_id:04x}{index:02x}" + _ISO


def is_isolated_name(name: str) -> bool:
    return name.endswith(_ISO) and name[42:54] == "00" * 6
