"""Shared by the gate's tests."""

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    for name in list(os.environ):
        if name.startswith("RISK_"):
            monkeypatch.delenv(name)
