"""HTTP itself: framing, errors, who may call."""
