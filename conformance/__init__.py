"""Numbered cases that every venue's clients run against the paper venues: official SDKs, ccxt, and our own."""
