"""The real Runner: a child process with llama.cpp's native server, spoken to over loopback."""

import asyncio
import json
import logging
import os
import secrets
import sys
from collections.abc import AsyncGenerator, Hashable, Mapping, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

from backend.engine.child_log import ChildLog
from backend.engine.constraint import SECONDS_PER_TOKEN, TOO_COMPLEX, Constraints, goes_on
from backend.engine.growth import child_growth, child_held
from backend.engine.limits import address_space
from backend.engine.llama_client import LlamaClient, prepare
from backend.engine.llama_wire import completion_body, read_piece
from backend.engine.runner import Completion, Piece, RunnerSpec, RunnerState
from backend.engine.threads import waiting_environment
from backend.errors import LoadFailed, RunnerCrashed, TemplateError

LLAMA_CHILD = "backend.engine.llama_child"
STOP_SECONDS = 3.0
RENDER_SECONDS = 10.0  # for what takes milliseconds
ENDLESS = "template error: the model's own template did not end"

log = logging.getLogger(__name__)


class LlamaRunner:
    """A child for one model. It dies with this process, and this process outlives its crash.

    `child` is the module of the child: any that takes the same order and serves the same routes.
    """

    def __init__(self, spec: RunnerSpec, child: str = LLAMA_CHILD) -> None:
        self._spec, self._child = spec, child
        self._state = RunnerState.STOPPED
        self._process: asyncio.subprocess.Process | None = None
        self._client: LlamaClient | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._constraints = Constraints()
        self._log = ChildLog(self._constraints.heard)
        self._guards: set[asyncio.Task[None]] = set()
        self._renders: set[asyncio.Task[str]] = set()

    @property
    def state(self) -> RunnerState:
        """Where the runner stands now."""
        return self._state

    @property
    def pid(self) -> int | None:
        """The child's process id while there is one."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the child and wait for its model; raises LoadFailed with its last error line."""
        self._state = RunnerState.STARTING
        api_key = secrets.token_urlsafe(24)
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self._child),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_child_environment(),
            start_new_session=True,  # Ctrl-C is for the front, which then stops its children
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        following = asyncio.create_task(self._log.follow(process.stderr))
        self._tasks = [following, asyncio.create_task(self._watch())]
        with suppress(ConnectionError):  # a child that died at once is told by its silence
            process.stdin.write(json.dumps(child_order(self._spec, api_key)).encode() + b"\n")
            await process.stdin.drain()
        prepare()
        line = await process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {}
        if "url" not in answer:
            raise LoadFailed(await self._load_error(answer))
        self._client = LlamaClient(answer["url"], api_key)
        self._state = RunnerState.READY

    async def stop(self) -> None:
        """End the child: by closing its pipe, by force after three seconds."""
        process, client = self._process, self._client
        self._client = None
        for guard in self._guards:
            guard.cancel()
        if process is not None and process.returncode is None:
            self._state = RunnerState.STOPPING
            with suppress(ProcessLookupError):
                # Nothing of the child's is worth saving, so there is no polite way first.
                process.kill()
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
        await asyncio.gather(*self._tasks, *self._guards, *self._renders, return_exceptions=True)
        if process is not None and process.stdin is not None:
            process.stdin.close()
        if client is not None:
            await client.close()
        self._state = RunnerState.STOPPED

    def progress(self) -> Hashable:
        """Lines said, MiB read and MiB held at most: what grows while a model is loading."""
        return (self._log.count, child_growth(self.pid))

    def held(self) -> int:
        """Bytes that the child alone holds."""
        return child_held(self.pid)

    async def ping(self) -> bool:
        """Whether the server in the child answers."""
        return self._client is not None and await self._client.healthy()

    def complete(self, request: Completion) -> AsyncGenerator[Piece, None]:
        """Continue a prompt; closing the generator drops the connection, which stops the engine."""
        pieces = self._pieces(request)
        return pieces if request.json_schema is None else self._held_to_schema(pieces)

    async def _held_to_schema(
        self, pieces: AsyncGenerator[Piece, None]
    ) -> AsyncGenerator[Piece, None]:
        over = asyncio.Event()
        guard = asyncio.create_task(self._end_unless_it_goes_on(over))
        self._guards.add(guard)
        guard.add_done_callback(self._guards.discard)
        try:
            async with aclosing(self._constraints.held_to(pieces)) as held:
                async for piece in held:
                    yield piece
        finally:
            over.set()

    async def _end_unless_it_goes_on(self, over: asyncio.Event) -> None:
        patience = SECONDS_PER_TOKEN * self._spec.load.num_batch
        with suppress(ConnectionError, RunnerCrashed):  # it is gone already
            if not await goes_on(self._connected().take_a_turn, over, patience):
                self._end(TOO_COMPLEX)

    async def _pieces(self, request: Completion) -> AsyncGenerator[Piece, None]:
        try:
            async with aclosing(self._connected().events(completion_body(request))) as events:
                async for event in events:
                    piece = read_piece(event, request)
                    yield piece
                    if piece.finish is not None:
                        return
        except ConnectionError as error:
            raise await self._crash() from error
        raise await self._crash()

    async def embed(self, inputs: Sequence[Sequence[int]]) -> list[list[float]]:
        """One vector for each list of token ids, as the model gives it (not normalised)."""
        body = {"content": [list(tokens) for tokens in inputs], "embd_normalize": -1}
        rows = await self._post("/embeddings", body)
        return [_vector(row["embedding"]) for row in sorted(rows, key=lambda row: row["index"])]

    async def tokenize(self, text: str, *, special: bool) -> list[int]:
        """The token ids of `text`; with the model's BOS and control tokens where `special`."""
        body = {"content": text, "add_special": special, "parse_special": special}
        tokens: list[int] = (await self._post("/tokenize", body))["tokens"]
        return tokens

    async def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of token ids."""
        return str((await self._post("/detokenize", {"tokens": list(tokens)}))["content"])

    async def render(self, conversation: Mapping[str, Any]) -> str:
        """The prompt that the model's Jinja template makes of `messages` (and `tools`).

        A template that does not end goes on when its client has left, so the child ends with it;
        raises TemplateError then.
        """
        task = asyncio.create_task(self._rendered(conversation))
        self._renders.add(task)
        task.add_done_callback(self._render_ended)
        return await asyncio.shield(task)

    def _render_ended(self, task: "asyncio.Task[str]") -> None:
        self._renders.discard(task)
        if not task.cancelled():
            task.exception()  # told to whoever waits for it, where anybody still does

    async def _rendered(self, conversation: Mapping[str, Any]) -> str:
        try:
            answer = await self._post("/apply-template", dict(conversation), RENDER_SECONDS)
            return str(answer["prompt"])
        except TimeoutError as error:
            self._end(ENDLESS)
            raise TemplateError(f"{ENDLESS} in {RENDER_SECONDS:g} s") from error

    def _end(self, reason: str) -> None:
        """Kill the child; `reason` is what its requests are told."""
        self._log.add(reason)
        self._state = RunnerState.FAILED  # at once: the next request must not be sent to it
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _post(self, path: str, body: Mapping[str, Any], seconds: float | None = None) -> Any:
        try:
            async with asyncio.timeout(seconds):
                return await self._connected().post(path, body)
        except ConnectionError as error:
            raise await self._crash() from error

    def _connected(self) -> LlamaClient:
        if self._client is None:
            raise RunnerCrashed("the model runner is not running; send the request again")
        return self._client

    async def _crash(self) -> RunnerCrashed:
        # The connection breaks a moment before the process is seen to be gone.
        if self._process is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 1.0)
        self._state = RunnerState.FAILED
        reason = self._log.last_error()
        return RunnerCrashed(
            f"model runner has unexpectedly stopped{': ' if reason else ''}{reason}"
        )

    async def _load_error(self, answer: Mapping[str, Any]) -> str:
        assert self._process is not None
        await self._process.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._state = RunnerState.FAILED
        reason = self._log.last_error() or str(answer.get("error") or "the runner said nothing")
        return f"the model could not be loaded: {reason}"

    async def _watch(self) -> None:
        assert self._process is not None
        code = await self._process.wait()
        if self._state is not RunnerState.STOPPING:
            log.warning("the runner of %s ended with code %s", self._spec.key.weights.name, code)
            self._state = RunnerState.FAILED


def child_order(spec: RunnerSpec, api_key: str) -> dict[str, Any]:
    """The first line of a child's stdin: what it is to load, how, and for whom."""
    load = spec.load
    return {
        "parent": os.getpid(),
        "api_key": api_key,
        "model": str(spec.key.weights),
        "num_ctx": load.num_ctx,
        "num_batch": load.num_batch,
        "num_thread": load.num_thread,
        "num_gpu": load.num_gpu,
        "main_gpu": load.main_gpu,
        "use_mmap": load.use_mmap,
        "parallel": spec.parallel,
        "embedding": spec.key.embedding,
        "default_pooling": spec.default_pooling,
        "adapters": list(map(str, spec.adapters)),
        "projector": str(spec.projector) if spec.projector else None,
        "flash_attention": spec.flash_attention,
        "kv_type": spec.kv_type,
        "address_space": address_space(spec.memory, load.num_thread),
    }


def _child_environment() -> dict[str, str]:
    package_parent = str(Path(__file__).resolve().parents[2])
    search = [package_parent, *filter(None, [os.environ.get("PYTHONPATH")])]
    ours = {"PYTHONPATH": os.pathsep.join(search), "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **ours, **waiting_environment()}


def _vector(value: list[Any]) -> list[float]:
    return value[0] if value and isinstance(value[0], list) else value
