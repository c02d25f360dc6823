"""The bingx paper venue."""
