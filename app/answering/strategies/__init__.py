"""Ways to find passages for a question, by name."""
