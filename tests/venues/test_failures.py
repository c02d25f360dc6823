"""Refusals read by code, by words, by status."""

import pytest

from solvent.venues.failures import (
    Asked,
    Codes,
    NotSupported,
    RateLimited,
    Retryable,
    Rule,
    Terminal,
    UnknownOutcome,
    VenueError,
)
from solvent.venues.keys import Secret

CODES = Codes(
    "bingx",
    [
        Rule(Terminal, "use LONG or SHORT", code="109400", pattern="hedge mode"),
        Rule(Terminal, "check the parameters", code="109400"),
        Rule(Retryable, "funding is being settled", code="101214", retry_after_s=5),
        Rule(UnknownOutcome, "read back", code="10016"),
        Rule(RateLimited, "slow down", pattern="too many"),
    ],
)


def test_the_first_rule_that_fits_decides():
    error = CODES.error(109400, "In the Hedge mode, the 'Side' field ...")
    assert (type(error), error.advice) == (Terminal, "use LONG or SHORT")
    assert CODES.error("109400", "margin is not enough").advice == "check the parameters"
    waiting = CODES.error(101214, "")
    assert isinstance(waiting, Retryable)
    assert waiting.retry_after_s == 5
    assert type(CODES.error(1, "Too many requests")) is RateLimited


def test_an_unknown_code_is_terminal_unless_the_server_was_in_trouble():
    assert type(CODES.error(5, "what", status=200)) is Terminal
    assert type(CODES.error(5, "what", status=502, asked=Asked("x"))) is UnknownOutcome
    assert type(CODES.error(5, "what", status=502)) is Retryable
    assert type(CODES.error(5, "what", status=429)) is RateLimited


def test_a_code_that_leaves_the_outcome_open_keeps_what_was_asked():
    asked = Asked("place", key="c1", may_arrive_until_ms=5)
    error = CODES.error(10016, "server", asked=asked)
    assert isinstance(error, UnknownOutcome)
    assert error.asked is asked
    assert type(CODES.error(10016, "server")) is Retryable


def test_the_venues_own_words_are_kept_but_for_keys_length_and_control_characters():
    codes = Codes("bybit", [], hide=[Secret("TOPKEY")])
    error = codes.error(10004, "error sign! origin_string[17TOPKEY5000]\x1b[31m" + "y" * 5000)
    assert "TOPKEY" not in str(error)
    assert "origin_string[17***5000]" in str(error)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 600


def test_a_missing_capability_is_named():
    error = NotSupported("nado", "leverage", "size the order instead")
    assert isinstance(error, VenueError)
    assert error.capability == "leverage"
    assert "leverage" in str(error)


def test_a_rule_must_say_when_it_fits():
    with pytest.raises(ValueError, match="neither"):
        Codes("x", [Rule(Terminal, "always")])
