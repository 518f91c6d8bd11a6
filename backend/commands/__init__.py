"""The command line of the model server: the words of `ollama`, spoken over HTTP.

Nothing in here reaches into the server: it may run on another machine. `cli.py` lists the commands.
"""
