"""A language model without a model: a queue of replies to fill, a history to inspect."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, Iterable

from app.answering.chat_model import Completion, ModelInfo, Piece, Prompt
from app.answering.errors import UnknownModel

Reply = str | Exception
"""A text to answer with, or an error to raise; in `Broken`, both."""


class Broken(Exception):
    """Queue this to say `text` and then raise `error`, as a server that dies in mid-answer."""

    def __init__(self, text: str, error: Exception) -> None:
        super().__init__(text)
        self.text = text
        self.error = error


class FakeChat:
    """A ChatModel that says what it was told to, word by word.

    `gate`, when given, is awaited before each word, so that a test decides when the next comes.
    With an empty queue it answers `default`. `stopped` counts generations that were abandoned.
    """

    def __init__(
        self,
        replies: Iterable[Reply] = (),
        *,
        default: str = "I do not know.",
        gate: asyncio.Semaphore | None = None,
        names: tuple[str, ...] = ("gemma3-base:270m",),
    ) -> None:
        self.replies: deque[Reply] = deque(replies)
        self.default = default
        self.gate = gate
        self.names = names
        self.history: list[Prompt] = []
        self.stopped = 0

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Yield the next reply in pieces, then the end with one token a word."""
        self._must_know(prompt.model)
        self.history.append(prompt)
        reply = self.replies.popleft() if self.replies else self.default
        words, error = _words_of(reply)
        finished = False
        try:
            for word in words:
                if self.gate is not None:
                    await self.gate.acquire()
                yield Piece(word)
            if error is not None:
                raise error
            finished = True
            yield Piece("", Completion(_size(prompt), len(words), engine_ms=1.0))
        finally:
            self.stopped += 0 if finished else 1

    async def context_length(self, model: str) -> int | None:
        """Return a small context, the same for every model that it knows."""
        self._must_know(model)
        return 2048

    async def count_tokens(self, model: str, text: str, num_ctx: int) -> int | None:
        """Count a token for each word and each CJK character."""
        return len(re.findall(r"[\u3400-\u9fff]|[^\s\u3400-\u9fff]+", text))

    def _must_know(self, model: str) -> None:
        if model not in self.names:
            raise UnknownModel(f"No model {model}; known: {', '.join(self.names)}.")

    async def models(self) -> list[ModelInfo]:
        """Return the names it was made with."""
        return [ModelInfo(name) for name in self.names]

    async def load(self, prompt: Prompt) -> None:
        """Note the prompt; there is nothing to load."""
        self.history.append(prompt)

    async def aclose(self) -> None:
        """There is nothing to close."""


def _words_of(reply: Reply) -> tuple[list[str], Exception | None]:
    if isinstance(reply, Broken):
        return re.findall(r"\s*\S+\s*$|\s*\S+", reply.text), reply.error
    if isinstance(reply, Exception):
        return [], reply
    return re.findall(r"\s*\S+\s*$|\s*\S+", reply), None


def _size(prompt: Prompt) -> int:
    text = prompt.text or " ".join(turn.content for turn in prompt.turns)
    return len(text.split())
