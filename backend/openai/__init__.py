"""The OpenAI layer: /v1 over the same answers."""
