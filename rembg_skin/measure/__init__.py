"""How good a model is, how fast, and how its masks look."""
