"""What I have where: balances by chain and venue, their history, budgets, and advice. No I/O, no clock."""
