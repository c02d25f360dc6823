"""Columns of a million rows: numba kernels that agree with the exact rooms."""
