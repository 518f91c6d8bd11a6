"""Anthropic's messages API, translated to Ollama's requests and back."""
