"""May this order go out? Pure: facts in, verdicts out."""
