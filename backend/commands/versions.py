"""`--version`: which Ollama the server speaks like, and whether the client does too."""

from backend.commands.errors import CommandFailed
from backend.commands.server import Server
from backend.version import OLLAMA_VERSION


def print_versions() -> None:
    """Print the server's version, and a warning where there is none or another than ours."""
    version = ""
    try:
        with Server() as server:
            version = str(server.get("/api/version").get("version", ""))
    except CommandFailed:
        print("Warning: could not connect to a running Ollama instance")
    if version:
        print(f"ollama version is {version}")
    if version != OLLAMA_VERSION:
        print(f"Warning: client version is {OLLAMA_VERSION}")
