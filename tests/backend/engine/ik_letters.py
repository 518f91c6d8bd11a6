"""A model of letters that goes on with the alphabet: honest bookkeeping without an engine."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from backend.engine.ik_sampling import Sampling

END = 256


class Letters:
    """Tokens are bytes; after `c` comes `d`, after `z` the end. Checks what an engine trusts."""

    def __init__(self, context: int = 64, batch: int = 8) -> None:
        self.context, self.batch = context, batch
        self.held: list[int] = []
        self.reads: list[int] = []
        self.seeds: list[int] = []
        self.fails_at: int | None = None

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        if special and text == "<end>":
            return [END]
        return list(text.encode())

    def piece(self, token: int, *, special: bool = False) -> bytes:
        if token == END:
            return b"<end>" if special else b""
        return bytes([token])

    def ends(self, token: int) -> bool:
        return token == END

    def forget(self, start: int) -> None:
        assert start <= len(self.held)
        del self.held[start:]

    def read(self, tokens: Sequence[int], position: int) -> None:
        assert 0 < len(tokens) <= self.batch
        assert position == len(self.held)
        assert position + len(tokens) <= self.context
        self.reads.append(len(tokens))
        if len(self.reads) == self.fails_at:
            raise RuntimeError("code 1")
        self.held += tokens

    def logits(self) -> npt.NDArray[np.float32]:
        logits = np.zeros(END + 1, np.float32)
        logits[self._next()] = 5
        logits[ord("!")] = 4
        return logits

    def seed(self, seed: int) -> None:
        self.seeds.append(seed)

    def draw(self, sampling: Sampling, before: Sequence[int]) -> int:
        assert list(before) == self.held
        return self._next()

    def _next(self) -> int:
        last = self.held[-1]
        return END if last == ord("z") else last + 1
