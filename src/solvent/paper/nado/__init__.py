"""The nado paper venue."""
