"""The document's way: load, chunk, embed, store."""
