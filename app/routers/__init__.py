"""One router per noun; only HTTP in them."""
