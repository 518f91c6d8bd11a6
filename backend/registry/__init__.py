"""Pulling and pushing models: registries, Hugging Face, and the models that came bundled."""
