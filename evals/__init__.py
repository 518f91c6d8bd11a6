"""Asks a running service over its public API and scores what comes back."""
