"""Each case by venue gives what the page of proofs says, and leaves no leg changed that may not be traded on."""

import pytest
from leverage_cases import CASES, PAGE, PARTNER, every, row, run

from solvent.orders.leverage_outcome import Status

SAID = set(PAGE.read_text().splitlines())


@pytest.mark.parametrize(("case", "name"), every(), ids=lambda one: one if isinstance(one, str) else one.name)
def test_the_page_says_what_happens(case, name):
    result, seen = run(case, name)
    assert row(case, name, result) in SAID
    for leg in result.legs:
        venue = str(leg.plan.request.venue)
        if leg.final is not None:  # what the sync says it read is what somebody else reads afterwards
            assert seen[venue] == (leg.final.long, leg.final.short, str(leg.final.mode))
        if result.ok and venue != "nado":
            assert seen[venue][:2] == (result.target, result.target)
        if not result.ok and leg.status is Status.UNKNOWN:
            assert leg.final is None or leg.failure is not None
        if not result.ok and leg.status is not Status.UNKNOWN and leg.before is not None:
            assert (leg.final.long, leg.final.short, leg.final.mode) == (
                leg.before.long,
                leg.before.short,
                leg.before.mode,
            )
    assert {PARTNER[name], name} == {str(leg.plan.request.venue) for leg in result.legs}


def test_the_page_has_a_row_for_each_case():
    rows = [line for line in SAID if line.startswith("| ") and line.endswith((" yes |", " no |"))]
    assert len(rows) == sum(len(case.venues) for case in CASES)
