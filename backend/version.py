"""Which Ollama this server speaks like."""

OLLAMA_VERSION = "0.33.0"
"""Clients and registries compare it as a semantic version, to know what they may send."""
