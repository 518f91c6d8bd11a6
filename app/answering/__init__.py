"""The question's way: retrieve, select evidence, answer, cite, verify."""
