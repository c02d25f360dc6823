"""The hyperliquid paper venue."""
