"""From messages to the text the model sees."""
