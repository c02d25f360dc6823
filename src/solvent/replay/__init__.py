"""Recorded fills replayed into positions: files in, findings out, in the memory of one chunk."""

from solvent.replay.run import Difference, Replay, Replayed

__all__ = ["Difference", "Replay", "Replayed"]
