"""A bundle of Nado is of one moment, though the gateway answers its queries apart."""

import asyncio

from nado_client_kit import asked, paper

from solvent import api


def test_a_bundle_is_asked_for_again_where_the_price_moved_between_its_bodies():
    async def story():
        async with paper(stands=True, scenario="normal") as venue, venue.client() as client:
            await client.place(asked("sell", 20, symbol="SOL-PERP", margin=1_000))
            query, moved = client._rest.query, []

            async def query_while_the_market_moves(name, **params):
                if name == "isolated_positions" and not moved:
                    await asyncio.sleep(0.2)  # The other queries of the bundle are answered before.
                    venue.forward(3_000)
                    moved.append(name)
                return await query(name, **params)

            client._rest.query = query_while_the_market_moves
            bundle = await client.bundle()
            assert moved
            rows = api.evaluate(bundle, "nado").to_dict()["reported"]
            assert [row["figure"] for row in rows if not row["agrees"]] == []
            assert any("isolated:SOL-PERP" in row["figure"] for row in rows)

    asyncio.run(story())
