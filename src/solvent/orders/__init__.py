"""What is to be done, as values: plans, outcomes and the words for them. Nothing here asks a venue or a clock."""
