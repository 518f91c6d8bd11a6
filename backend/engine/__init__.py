"""Runners: loading, scheduling and talking to llama.cpp."""
