"""Venues served locally over their real wire protocols, each with a small integer ledger of its own.

A paper venue knows nothing of solvent's positions, margin or clients, so that the two sides check each other.
The clock is an input: the same seed, times and requests give the same answers, byte for byte.
"""
