"""The second engine: ik_llama.cpp for what it does right and faster, llama.cpp for the rest.

Chosen by RAGSTONE_ENGINE=ik. docs/decisions/0013 has the figures and the limits.
"""

import asyncio
import importlib.util
import logging
from collections.abc import AsyncGenerator, Hashable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeAlias

from backend.engine.ik_check import ALLOWED, difference
from backend.engine.llama_runner import LlamaRunner
from backend.engine.runner import Completion, Piece, Runner, RunnerFactory, RunnerSpec, RunnerState
from backend.errors import BackendError, LoadFailed
from backend.models import gguf

PACKAGE = "ik_llama_cpp"
IK_CHILD = "backend.engine.ik_child"
WRONG_TYPES = frozenset({"Q4_1", "Q5_1"})  # computed wrongly by ik_llama_cpp_python 0.1.5

Verdicts: TypeAlias = dict[tuple[Path, int], bool]  # by weights and time of their last change

log = logging.getLogger(__name__)


class IkEngine:
    """Makes runners with ik_llama.cpp in them, and remembers which weights it computes right."""

    def __init__(
        self,
        ik: RunnerFactory = lambda spec: LlamaRunner(spec, IK_CHILD),
        llama: RunnerFactory = LlamaRunner,
    ) -> None:
        self._ik, self._llama = ik, llama
        self._verdicts: Verdicts = {}

    def __call__(self, spec: RunnerSpec) -> "IkRunner":
        """A runner for `spec`."""
        return IkRunner(spec, self._ik(spec), self._llama(spec), self._verdicts)


class IkRunner:
    """Two runners as one: `ik` answers what it can, `llama` is started when it is needed."""

    def __init__(self, spec: RunnerSpec, ik: Runner, llama: Runner, verdicts: Verdicts) -> None:
        self._spec, self._verdicts = spec, verdicts
        self._ik, self._llama = ik, llama
        self._chosen = ik
        self._starting = False
        self._turn = asyncio.Lock()

    @property
    def state(self) -> RunnerState:
        """Where the runner stands now."""
        return RunnerState.STARTING if self._starting else self._chosen.state

    @property
    def engine(self) -> str:
        """Which engine answers: `ik` or `llama`."""
        return "ik" if self._chosen is self._ik else "llama"

    async def start(self) -> None:
        """Load into ik_llama.cpp where it is sound for these weights, else into llama.cpp."""
        if importlib.util.find_spec(PACKAGE) is None:
            raise LoadFailed(
                "RAGSTONE_ENGINE=ik needs the package ik_llama_cpp_python: "
                "pip install 'ragstone[ik]', or unset RAGSTONE_ENGINE"
            )
        self._starting = True
        try:
            reason = await asyncio.to_thread(unsuited, self._spec) or await self._start_ik()
            if reason is not None:
                name = self._spec.key.weights.name
                log.warning("llama.cpp serves %s, not ik_llama.cpp: %s", name, reason)
                self._chosen = self._llama
                await self._ik.stop()
                await self._second()
        finally:
            self._starting = False

    async def _start_ik(self) -> str | None:
        """Start ik_llama.cpp and compare it once with llama.cpp; returns what speaks against it."""
        try:
            await self._ik.start()
        except LoadFailed as error:
            return str(error)
        weights = self._spec.key.weights
        key = (weights, weights.stat().st_mtime_ns)
        if key not in self._verdicts:
            apart = await difference(self._ik, await self._second())
            self._verdicts[key] = apart <= ALLOWED
            log.info("ik_llama.cpp is %.3f nats off llama.cpp for %s", apart, weights.name)
            if self._verdicts[key]:
                await self._llama.stop()  # started again when a request needs it
        return None if self._verdicts[key] else "it computes these weights differently"

    async def stop(self) -> None:
        """End both runners."""
        await asyncio.gather(self._ik.stop(), self._llama.stop())

    def progress(self) -> Hashable:
        """What grows in either while they load."""
        return (self._ik.progress(), self._llama.progress())

    def held(self) -> int:
        """Bytes that both hold."""
        return self._ik.held() + self._llama.held()

    async def ping(self) -> bool:
        """Whether the runner that answers does so."""
        return await self._chosen.ping()

    async def complete(self, request: Completion) -> AsyncGenerator[Piece, None]:
        """Continue a prompt; with a schema or images by llama.cpp, which reads it anew."""
        beyond = request.json_schema is not None or bool(request.images)
        runner = await self._second() if beyond else self._chosen
        async with aclosing(runner.complete(request)) as pieces:
            async for piece in pieces:
                yield piece

    async def embed(self, inputs: Sequence[Sequence[int]]) -> list[list[float]]:
        """One vector for each list of token ids; llama.cpp's."""
        return await (await self._second()).embed(inputs)

    async def tokenize(self, text: str, *, special: bool) -> list[int]:
        """The token ids of `text`."""
        return await self._chosen.tokenize(text, special=special)

    async def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of token ids."""
        return await self._chosen.detokenize(tokens)

    async def render(self, conversation: Mapping[str, Any]) -> str:
        """The prompt that the model's own template makes."""
        return await self._chosen.render(conversation)

    async def _second(self) -> Runner:
        async with self._turn:  # two requests with a schema start one child
            if self._llama.state is not RunnerState.READY:
                await self._llama.stop()
                await self._llama.start()
        return self._llama


def unsuited(spec: RunnerSpec) -> str | None:
    """What speaks against ik_llama.cpp for `spec`, None for nothing; reads the weights' header."""
    asked = {
        "it makes no embeddings here": spec.key.embedding,
        "it has one slot, OLLAMA_NUM_PARALLEL asks for more": spec.parallel > 1,
        "it takes no LoRA adapter here": bool(spec.adapters),
        "it sees no images": spec.projector is not None,
    }
    for reason, true in asked.items():
        if true:
            return reason
    try:
        types = {tensor.type for tensor in gguf.read(spec.key.weights).tensors}
    except BackendError as error:
        return str(error)
    wrong = sorted(types & WRONG_TYPES)
    return f"its arithmetic of {', '.join(wrong)} is wrong" if wrong else None
