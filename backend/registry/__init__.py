"""Models from elsewhere: pull and push by Ollama's protocol, and the models that are bundled."""
