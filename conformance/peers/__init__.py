"""Official SDKs and ccxt on the paper venues; each runs with its own environment's Python."""
