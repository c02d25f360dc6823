"""The whole of it on this machine: paper venues, a desk behind its gate, a pair that lives through a crash."""
