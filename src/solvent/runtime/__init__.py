"""Where the pure rooms meet the world: environment, disk, clock, locks."""
