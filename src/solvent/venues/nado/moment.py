"""Whether the bodies of a bundle belong together."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from solvent.venues.nado import wire

TRIES: Final = 4


async def of_one_moment(ask: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """The bundle, asked for again where a price moved between its bodies; at last as it is.

    Healths of one moment do not follow from prices of another: the margin report would show it as a difference.
    """
    for _ in range(TRIES - 1):
        made = await ask()
        if at_one_moment(made):
            return made
    return await ask()


def at_one_moment(bundle: Mapping[str, Any]) -> bool:
    """Whether the isolated positions were told at the prices that the cross account was told at.

    The gateway answers the two queries apart, and a price may move in between. Raises BadInput.
    """
    body, isolated = (bundle[name][0]["body"] for name in ("subaccount_info", "isolated_positions"))
    info = wire.read_subaccount_info(body)
    prices = {product.product_id: product.oracle_price_x18 for product in info.perp_products}
    bases = [position.base_product for position in wire.read_isolated_positions(isolated)]
    return all(prices.get(base.product_id) in (None, base.oracle_price_x18) for base in bases)
