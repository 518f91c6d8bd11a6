"""The bundled Ollama-compatible server over llama.cpp; imports nothing from the other rooms."""
