"""Completions in ik_llama.cpp, as the events that llama.cpp's server streams.

Steps: keep what the last request left of the same prefix → read the rest of the prompt in batches →
draw, tell, read, until an end. Between two batches the request may be found cancelled.
"""

import codecs
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from backend.engine.ik_sampling import Sampling
from backend.engine.stop_text import StopText

Event: TypeAlias = dict[str, Any]
Body: TypeAlias = Mapping[str, Any]


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


class Unfit(Exception):
    """The request cannot be served as it is; the text is for the client."""


class Model(Protocol):
    """What a completion asks of a model; `ik_model.IkModel` has it."""

    context: int
    batch: int

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """The token ids of a text."""
        ...

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes of a token."""
        ...

    def ends(self, token: int) -> bool:
        """Whether the token ends a reply."""
        ...

    def forget(self, start: int) -> None:
        """Drop what was read from a position on."""
        ...

    def read(self, tokens: Sequence[int], position: int) -> None:
        """Read up to `batch` tokens."""
        ...

    def logits(self) -> Any:
        """The logits behind the last token read."""
        ...

    def seed(self, seed: int) -> None:
        """Start the random numbers anew."""
        ...

    def draw(self, sampling: Sampling, before: Sequence[int]) -> int:
        """The next token."""
        ...


@dataclass(slots=True)
class Timings:
    """Tokens kept, read and drawn, and the milliseconds of the latter two."""

    cache_n: int = 0
    prompt_n: int = 0
    prompt_ms: float = 0.0
    predicted_n: int = 0
    predicted_ms: float = 0.0


class Completer:
    """Continues prompts with one model, one at a time; keeps what it read for the next."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._read: list[int] = []

    def complete(self, body: Body, cancelled: Callable[[], bool]) -> Iterator[Event]:
        """The events that answer `body` (see llama_wire.completion_body); the last says `stop`.

        Raises Unfit before the first event, Cancelled between two batches.
        """
        prompt: list[int] = body["prompt"]
        if not 0 < len(prompt) < self._model.context:
            raise Unfit(
                f"request ({len(prompt)} tokens) exceeds the available context size "
                f"({self._model.context} tokens), try increasing it"
            )
        timings = Timings()
        started = time.perf_counter()
        try:
            timings.cache_n = self._keep_prefix(prompt)
            self._take_in(prompt[timings.cache_n :], cancelled)
            timings.prompt_n = len(prompt) - timings.cache_n
            timings.prompt_ms = _since(started)
            started = time.perf_counter()
            for event in self._reply(body, cancelled):
                timings.predicted_n += len(event["tokens"])
                timings.predicted_ms = _since(started)
                yield {**event, "timings": asdict(timings)} if event["stop"] else event
        except RuntimeError:  # the engine failed: what it holds is not known
            self._forget(0)
            raise

    def _keep_prefix(self, prompt: Sequence[int]) -> int:
        # The last token is always read again: its logits are where the reply begins.
        most = min(len(self._read), len(prompt) - 1)
        same = next((i for i in range(most) if self._read[i] != prompt[i]), most)
        self._forget(same)
        return same

    def _forget(self, start: int) -> None:
        del self._read[start:]
        self._model.forget(start)

    def _take_in(self, tokens: Sequence[int], cancelled: Callable[[], bool]) -> None:
        for start in range(0, len(tokens), self._model.batch):
            if cancelled():
                raise Cancelled
            part = tokens[start : start + self._model.batch]
            self._model.read(part, len(self._read))
            self._read += part

    def _reply(self, body: Body, cancelled: Callable[[], bool]) -> Iterator[Event]:
        model, sampling, limit = self._model, Sampling.of(body), body["n_predict"]
        model.seed(body["seed"] & 0xFFFFFFFF if body["seed"] >= 0 else secrets.randbits(32))
        shown = _preserved(model, body.get("preserved_tokens", ()))
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        stop = StopText(body["stop"])
        count = 0
        while limit < 0 or count < limit:
            token = model.draw(sampling, self._read)
            count += 1
            if model.ends(token):
                yield _end("eos", stop.end(), [token])
                return
            chances = _chances(model, token, body["n_probs"]) if "n_probs" in body else None
            text, met = stop.feed(decoder.decode(model.piece(token, special=token in shown)))
            if met:
                yield _end("word", text, [token])
                return
            yield _step(text, token, chances)
            if limit < 0 or count < limit:
                self._make_room(body["n_keep"], cancelled)
                self._take_in([token], cancelled)
        yield _end("limit", stop.end(), [])

    def _make_room(self, keep: int, cancelled: Callable[[], bool]) -> None:
        # A full window loses the older half behind the first `keep` tokens, as llama.cpp does it.
        # The rest is read again instead of moved: exact, and 2,048 tokens take three seconds once.
        if len(self._read) < self._model.context:
            return
        keep = min(max(keep, 0), self._model.context // 2)
        newer = self._read[keep + (len(self._read) - keep) // 2 :]
        self._forget(keep)
        self._take_in(newer, cancelled)


def _preserved(model: Model, texts: Sequence[str]) -> set[int]:
    """The ids of those texts that are one token each: control tokens that are to be seen."""
    last = {text: model.tokenize(text, special=True)[-1:] for text in texts}
    return {
        token
        for text, tokens in last.items()
        for token in tokens
        if model.piece(token, special=True) == text.encode()
    }


def _step(text: str, token: int, chances: Event | None) -> Event:
    event: Event = {"content": text, "tokens": [token], "stop": False}
    return event | {"completion_probabilities": [chances]} if chances else event


def _end(reason: str, text: str, tokens: list[int]) -> Event:
    return {"content": text, "tokens": tokens, "stop": True, "stop_type": reason}


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1e3


def _chances(model: Model, token: int, top: int) -> Event:
    """The token and the `top` likeliest ones, with log probabilities of the bare logits."""
    logits = np.asarray(model.logits(), np.float64)
    logits = logits - logits.max()
    logits -= np.log(np.exp(logits).sum())
    best = np.argpartition(logits, -top)[-top:] if top < len(logits) else np.arange(len(logits))
    best = best[np.argsort(-logits[best])]

    def entry(one: int) -> Event:
        raw = model.piece(one, special=True)
        text = raw.decode("utf-8", "replace")
        return {"id": one, "token": text, "bytes": list(raw), "logprob": float(logits[one])}

    return entry(token) | {"top_logprobs": [entry(int(one)) for one in best]}
