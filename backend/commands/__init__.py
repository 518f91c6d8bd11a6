"""The command line: `ragstone model ...`, with the words, flags and tables of `ollama`."""
