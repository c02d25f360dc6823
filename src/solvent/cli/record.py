"""`solvent record`: the account bundle of a live account, as a file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from solvent.cli.live import BaseUrl, IndexerUrl, Testnet, client_of, run
from solvent.core.account import Venue


def command(
    venue: Annotated[Venue, typer.Option("--venue", help="The venue.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where to write it; printed if not given.", metavar="FILE"),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option("--account", help="Address, Nado subaccount, or a label where a key says whose it is."),
    ] = None,
    base_url: BaseUrl = None,
    indexer_url: IndexerUrl = None,
    testnet: Testnet = False,
) -> None:
    """Ask a venue for all that a margin report needs, and keep its answers as they are."""
    import msgspec

    from solvent.runtime.new_file import write_whole

    client = client_of(venue, account, base_url=base_url, testnet=testnet, indexer_url=indexer_url)
    bundle = run(client, lambda c: c.bundle())
    data = msgspec.json.format(msgspec.json.encode(bundle), indent=1) + b"\n"
    if output is None:
        sys.stdout.buffer.write(data)
    else:
        write_whole(output, data)
        parts = ", ".join(name for name in bundle if name != "_meta")
        print(f"{output}: {len(data)} bytes: {parts}")  # noqa: T201
