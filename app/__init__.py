"""The service: HTTP, settings, wiring, command line, and answering/ (the question's way)."""
