"""Archives: which files there are, where their results go, and running over all of them."""
