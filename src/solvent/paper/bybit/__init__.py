"""The bybit paper venue."""
