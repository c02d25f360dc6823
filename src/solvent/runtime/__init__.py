"""Where the pure rooms meet the world: clocks, locks, the journal."""
