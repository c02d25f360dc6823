"""The conformance table, for the terminal and as data."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType

from solvent.views.document import shown
from solvent.views.tables import plain, plain_table

if TYPE_CHECKING:
    from solvent.conformance import Survey


def conformance_data(found: "Survey") -> dict[str, Any]:
    return {
        "bundles": found.bundles,
        "figures": [
            {
                "venue": t.venue,
                "figure": t.figure,
                "reported": t.reported,
                "reproduced": t.reproduced,
                "missed": t.missed,
                "not_computed": t.not_computed,
            }
            for t in found.tallies.values()
        ],
        "misses": [
            {
                "venue": m.venue,
                "source": m.source,
                "figure": m.figure,
                "computed": shown(m.computed),
                "reported": shown(m.reported),
                "reason": m.reason or None,
                "kind": "missed" if m.judged else "not computed",
            }
            for m in found.misses
        ],
        "skipped": [{"source": source, "reason": reason} for source, reason in found.skipped],
    }


def conformance_view(found: "Survey") -> RenderableType:
    table = plain_table(
        f"{found.bundles} bundles", "venue", "figure", "reported", "reproduced", "missed", "not computed"
    )
    for t in found.tallies.values():
        style = "" if not t.missed else "red"
        table.add_row(
            t.venue, t.figure, str(t.reported), str(t.reproduced), str(t.missed), str(t.not_computed), style=style
        )
    lines = [
        plain(f"missed: {m.source} {m.figure}: ours {shown(m.computed)}, theirs {shown(m.reported)}: {m.reason}")
        for m in found.misses
        if m.judged
    ]
    blind = Counter((m.source, m.reason) for m in found.misses if not m.judged)
    lines += [
        plain(f"not computed: {source}: {count} figures: {reason}") for (source, reason), count in blind.items()
    ]
    skipped = Counter((source.partition(":")[0], reason) for source, reason in found.skipped)
    for (source, reason), count in skipped.items():
        times = f" ({count} lines)" if count > 1 else ""
        lines.append(plain(f"no bundle: {source}{times}: {reason}"))
    return Group(table, *lines)
