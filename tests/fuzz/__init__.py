"""Fuzzing: `python -m tests.fuzz` throws made-up input at whatever reads what others wrote."""
