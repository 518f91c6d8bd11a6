"""What ends a command: each error is the sentence behind `Error:`."""

from backend.errors import BackendError


class CommandFailed(BackendError):
    """The command cannot be carried out; the text says why and what to do."""


class NoServer(CommandFailed):
    """Nobody answers at OLLAMA_HOST."""


class Refused(CommandFailed):
    """The server said no; `status` is its HTTP status, 200 where it failed half-way."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status

    @property
    def not_found(self) -> bool:
        """Whether the model is not there."""
        return self.status == 404 or "not found" in str(self)
