"""Whole runs of the trading process against the paper venues, seeded: virtual time, faults, kills."""
