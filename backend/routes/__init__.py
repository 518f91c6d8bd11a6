"""The Ollama routes, translation only."""
