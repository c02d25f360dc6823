"""`solvent audit`: prove, anchor, read and export a journal."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from solvent.cli.options import Json, print_json

if TYPE_CHECKING:
    from solvent.journal.anchor import Anchor
    from solvent.journal.filters import Filter
    from solvent.journal.verify import Verification

app = typer.Typer(
    name="audit", help="Prove, anchor, read and export the journal.", no_args_is_help=True, add_completion=False
)

Folder = Annotated[Path, typer.Argument(help="The journal's folder.", metavar="DIR")]
Keys = Annotated[
    list[Path] | None,
    typer.Option(
        "--key",
        help="A key file: the chain's key, or (PEM) the key that anchors must be signed with. Both may be given.",
    ),
]
Types = Annotated[list[str] | None, typer.Option("--type", help="Only this event type; may be repeated.")]
Symbols = Annotated[list[str] | None, typer.Option("--symbol", help="Only this symbol; may be repeated.")]
Since = Annotated[str | None, typer.Option("--since", help="From this day or moment on (UTC).")]
Until = Annotated[str | None, typer.Option("--until", help="Before this day or moment (UTC).")]


def _keys(paths: list[Path] | None) -> tuple[bytes | None, bytes | None]:
    """The chain's key and the public key of the anchors, as the files given say which they are."""
    from solvent.core.errors import BadInput
    from solvent.runtime.journal_keys import read_chain_key, read_public_key

    chain: bytes | None = None
    public: bytes | None = None
    for path in paths or []:
        found = read_chain_key(path)
        if (chain if found is not None else public) is not None:
            raise BadInput("--key", "at most one chain key and one checkpoint key", str(path))
        if found is not None:
            chain = found
        else:
            public = read_public_key(path)
    return chain, public


def _anchors(path: Path | None, public: bytes | None) -> "tuple[Anchor, ...]":
    from solvent.core.errors import BadInput, Refused
    from solvent.journal.anchor import read_anchors

    if path is None:
        return ()
    try:
        text = path.read_text()
    except (OSError, ValueError) as error:
        raise BadInput(str(path), "a readable anchor file", f"<{type(error).__name__}>") from None
    found = read_anchors(text.splitlines(), str(path))
    for anchor in found:
        if not anchor.genuine(public):
            raise Refused(
                "anchor-not-genuine", f"{path}: the anchor of record {anchor.seq} is not signed by its key"
            )
    return found


@app.command("verify")
def verify(
    folder: Folder,
    anchor: Annotated[
        Path | None, typer.Option("--anchor", help="A file of anchors; the journal must hold what they say.")
    ] = None,
    key: Keys = None,
    json: Json = False,
) -> None:
    """Walk the whole journal; exit 1 with the first bad file and line where it is not as written."""
    from solvent.core.errors import BadInput
    from solvent.runtime.journal_reader import needs_key, torn_notes, verify_folder

    chain, public = _keys(key)
    anchors = _anchors(anchor, public)
    if chain is None and needs_key(folder):
        raise BadInput("--key", "the chain's key, which this journal was written with", "<not given>")
    found = verify_folder(folder, key=chain, anchors=anchors)
    notes = torn_notes(folder, found.set_aside)
    if found.torn:
        torn = found.torn
        what = f"a torn last line of {torn.size} bytes, to be set aside at the next opening"
        notes.append(f"{torn.file} line {torn.line}: {what}")
    if anchors and public is None:
        signer = ", ".join(sorted({one.public_key for one in anchors}))
        notes.append(f"the anchors are signed by {signer}: give --key to say whose signature must stand there")
    if json:
        print_json(_verification(found, notes))
    else:
        _say(found, notes)
    if not found.ok:
        raise typer.Exit(1)


def _verification(found: "Verification", notes: list[str]) -> dict[str, object]:
    damage, last = found.damage, found.last
    return {
        "ok": found.ok,
        "files": found.files,
        "records": found.records,
        "last": None if last is None else {"seq": last.seq, "hash": last.hash, "timestamp": last.timestamp},
        "damage": None
        if damage is None
        else {"file": damage.file, "line": damage.line, "flaw": damage.flaw, "message": damage.message},
        "torn": None if found.torn is None else {"file": found.torn.file, "line": found.torn.line},
        "anchors": [{"seq": one.seq, "time": one.time, "public_key": one.public_key} for one in found.anchors],
        "warnings": notes,
    }


def _say(found: "Verification", notes: list[str]) -> None:
    if found.damage is not None:
        damage = found.damage
        typer.echo(f"{damage.file} line {damage.line}: {damage.flaw}: {damage.message}")
    else:
        end = "" if found.last is None else f", up to record {found.last.seq} of {found.last.timestamp}"
        held = f"; {len(found.anchors)} anchors hold" if found.anchors else ""
        typer.echo(f"ok: {found.records} records in {found.files} files{end}{held}")
    for note in notes:
        typer.echo(f"warning: {note}", err=True)


@app.command("keygen")
def keygen(
    file: Annotated[Path, typer.Argument(help="Where to write the new key.", metavar="FILE")],
    chain: Annotated[
        bool, typer.Option("--chain", help="A key for the hashes of the chain instead of one that signs anchors.")
    ] = False,
) -> None:
    """Make the key that signs anchors (FILE, and its public half in FILE.pub); never overwrites."""
    from solvent.runtime.journal_keys import make_chain_key, make_checkpoint_key

    if chain:
        make_chain_key(file)
        typer.echo(f"{file}: a new chain key; without it nobody can verify the journal, so keep a copy")
    else:
        typer.echo(
            f"{file}: a new Ed25519 key; its public half, {make_checkpoint_key(file).hex()}, is in {file}.pub"
        )


@app.command("anchor")
def anchor(
    folder: Folder,
    key: Annotated[
        list[Path],
        typer.Option(
            "--key", help="The Ed25519 private key (`audit keygen`); and the chain's key where it has one."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Add it to this file instead of printing it.")
    ] = None,
) -> None:
    """Sign how far the journal has come. Keep the line where the journal's writer cannot reach."""
    from solvent.core.errors import BadInput
    from solvent.runtime.journal_keys import read_chain_key, read_private_key
    from solvent.runtime.journal_reader import checkpoint

    chain: bytes | None = None
    private: bytes | None = None
    for path in key:
        found = read_chain_key(path)
        if found is None:
            private = read_private_key(path)
        else:
            chain = found
    if private is None:
        raise BadInput("--key", "an Ed25519 private key in PEM (`solvent audit keygen`)", "<none>")
    made = checkpoint(folder, private, key=chain)
    if output is None:
        typer.echo(made.line)
        return
    try:
        with output.open("a") as out:
            out.write(made.line + "\n")
    except OSError as error:
        raise BadInput("-o", "a place where a file can be written", f"<{error.strerror}>") from None
    typer.echo(f"{output}: record {made.seq} anchored at {made.time}", err=True)


def _filter(types: list[str] | None, symbols: list[str] | None, since: str | None, until: str | None) -> "Filter":
    from solvent.journal.filters import Filter, parse_moment

    return Filter(
        types=frozenset(types or ()),
        symbols=frozenset(symbols or ()),
        since=None if since is None else parse_moment(since, "--since"),
        until=None if until is None else parse_moment(until, "--until"),
    )


@app.command("tail")
def tail(
    folder: Folder,
    count: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many.")] = 10,
    type: Types = None,  # noqa: A002
    symbol: Symbols = None,
    since: Since = None,
    until: Until = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
) -> None:
    """Print the last records, as they stand in the journal."""
    from solvent.runtime.journal_reader import follow as follow_records
    from solvent.runtime.journal_reader import newest

    wanted = _filter(type, symbol, since, until)
    newest_of_all = newest(folder, 1)
    for record in newest(folder, count, wanted):
        sys.stdout.write(record.line.decode())
    sys.stdout.flush()
    if follow:
        for record in follow_records(folder, newest_of_all[-1].seq if newest_of_all else 0, wanted):
            sys.stdout.write(record.line.decode())
            sys.stdout.flush()


@app.command("export")
def export(
    folder: Folder,
    output: Annotated[Path, typer.Option("-o", "--output", help="A .parquet or .csv file.")],
    type: Types = None,  # noqa: A002
    symbol: Symbols = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Write records as a table: a row per record, a column per field, amounts as exact text."""
    from solvent.runtime.journal_export import export as export_records
    from solvent.runtime.journal_reader import records

    found = list(records(folder, _filter(type, symbol, since, until)))
    typer.echo(f"{output}: {export_records(found, output)} records")


@app.command("state")
def state(
    folder: Folder,
    json: Json = False,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Fold every record instead of going on from the newest snapshots.")
    ] = False,
) -> None:
    """Rebuild positions, breaker, reservations and the day's P&L from the records alone."""
    from solvent.runtime.replayed import state_of

    found = state_of(folder, from_start=from_start)
    if json:
        print_json(found)
        return
    desk = found["desk"]
    breaker = desk["breaker"]
    typer.echo(f"after record {found['seq']}")
    typer.echo(
        "breaker  " + (f"tripped ({breaker['cause']}: {breaker['reason']})" if breaker["tripped"] else "closed")
    )
    typer.echo(f"day      {desk['day'] or '-'}, P&L {desk['day_pnl'] or 'unknown'}")
    typer.echo(f"equity   {desk['equity'] or 'unknown'} and {desk['since']} since")
    for venue, symbol, side, quantity in desk["positions"]:
        typer.echo(f"holds    {quantity} {symbol} {side} {venue}".rstrip())
    for row in desk["reservations"]:
        typer.echo(f"working  {row['stage']} {row['side']} {row['remaining']} {row['symbol']} {row['client_id']}")
