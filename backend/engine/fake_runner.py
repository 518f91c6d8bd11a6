"""A Runner without a model, for tests: set speeds and faults, honest about all it does.

A token is a word with its leading space. The reply is the set text, or the prompt's words again.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.engine.runner import Completion, Finish, Logprob, Piece, RunnerSpec, RunnerState
from backend.errors import LoadFailed, RunnerCrashed


@dataclass(slots=True)
class Script:
    """What the fake does: times in seconds, `crash_after` pieces (None: never).

    The counters say what happened; every runner of one factory shares them.
    """

    reply: str | None = None
    load_seconds: float = 0.0
    token_seconds: float = 0.0
    load_error: str | None = None
    crash_after: int | None = None
    load_steps: int = 0
    hangs: bool = False
    pings: int = 0
    held: int = 0
    loads: int = 0
    stops: int = 0
    running: int = 0
    most_running: int = 0
    cancelled: int = 0
    requests: list[Completion] = field(default_factory=list)


class FakeRunner:
    """Plays a Script; tokens are numbers for words, kept per runner."""

    def __init__(self, spec: RunnerSpec, script: Script) -> None:
        self.spec, self.script = spec, script
        self._state = RunnerState.STOPPED
        self._words: list[str] = []

    @property
    def state(self) -> RunnerState:
        """Where the runner stands now."""
        return self._state

    async def start(self) -> None:
        """Wait the load time; raises LoadFailed where the script says so."""
        self._state = RunnerState.STARTING
        self.script.loads += 1
        await asyncio.sleep(self.script.load_seconds)
        if self.script.load_error is not None:
            self._state = RunnerState.FAILED
            raise LoadFailed(f"the model could not be loaded: {self.script.load_error}")
        self._state = RunnerState.READY

    async def stop(self) -> None:
        """Count the stop once."""
        if self._state is not RunnerState.STOPPED:
            self.script.stops += 1
        self._state = RunnerState.STOPPED

    def progress(self) -> Hashable:
        """The number of steps the scripted load has made."""
        return self.script.load_steps

    def held(self) -> int:
        """What the script says it holds."""
        return self.script.held

    async def ping(self) -> bool:
        """Ready, unless the script says that the runner hangs."""
        self.script.pings += 1
        if self.script.hangs:
            await asyncio.Event().wait()
        return self._state is RunnerState.READY

    async def complete(self, request: Completion) -> AsyncGenerator[Piece, None]:
        """The reply word by word at the set speed, cut at `max_tokens` and stop sequences."""
        script = self.script
        script.requests.append(request)
        script.running += 1
        script.most_running = max(script.most_running, script.running)
        try:
            async for piece in self._pieces(request):
                yield piece
        except (asyncio.CancelledError, GeneratorExit):
            script.cancelled += 1
            raise
        finally:
            script.running -= 1

    async def _pieces(self, request: Completion) -> AsyncGenerator[Piece, None]:
        reply = self.script.reply
        prompt = request.prompt or await self.tokenize(request.text, special=True)
        text = await self.detokenize(prompt) if reply is None else reply
        limit = request.max_tokens if request.max_tokens >= 0 else len(text)
        tokens = await self.tokenize(_until_stop(text, request.sampling.stop), special=False)
        for index, token in enumerate(tokens[:limit]):
            await asyncio.sleep(self.script.token_seconds)
            if index == self.script.crash_after:
                self.script.crash_after = None
                self._state = RunnerState.FAILED
                raise RunnerCrashed("model runner has unexpectedly stopped")
            word = self._words[token]
            yield Piece(word, (token,), _logprobs(word, request))
        count = min(len(tokens), limit)
        reason = "length" if len(tokens) > limit else "stop"
        yield Piece(finish=Finish(reason, len(prompt), 1, count, 1))

    async def embed(self, inputs: Sequence[Sequence[int]]) -> list[list[float]]:
        """Three numbers of each input: its length, its first token's and last token's letters."""
        return [[float(len(one)), self._length(one[0]), self._length(one[-1])] for one in inputs]

    def _length(self, token: int) -> float:
        known = self._words[token : token + 1]  # a beginning mark of the model's is no word
        return float(sum(map(len, known)))

    async def tokenize(self, text: str, *, special: bool) -> list[int]:
        """A number for each word; the same word has the same number."""
        tokens = []
        for word in _words(text):
            if word not in self._words:
                self._words.append(word)
            tokens.append(self._words.index(word))
        return tokens

    async def detokenize(self, tokens: Sequence[int]) -> str:
        """The words back."""
        return "".join(self._words[token] for token in tokens)

    async def render(self, conversation: Mapping[str, Any]) -> str:
        """`role: content` lines, with the tools as JSON in front."""
        lines = [f"{message['role']}: {message['content']}" for message in conversation["messages"]]
        if conversation.get("tools"):
            lines.insert(0, json.dumps(conversation["tools"]))
        return "\n".join([*lines, "assistant:"])


def _words(text: str) -> list[str]:
    words: list[str] = []
    for character in text:
        if not words or (character.isspace() and not words[-1].isspace()):
            words.append(character)
        else:
            words[-1] += character
    return words


def _until_stop(text: str, stops: Sequence[str]) -> str:
    ends = [text.find(stop) for stop in stops if stop in text]
    return text[: min(ends)] if ends else text


def _logprobs(word: str, request: Completion) -> tuple[Logprob, ...]:
    if request.top_logprobs is None:
        return ()
    alone = Logprob(word, -0.5, tuple(word.encode()))
    return (Logprob(word, -0.5, alone.bytes, (alone,) * min(request.top_logprobs, 1)),)
