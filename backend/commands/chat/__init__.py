"""The interactive chat of `run`: a line editor, words that begin with `/`, and a conversation."""
