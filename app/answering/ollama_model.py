"""Any Ollama server through the official `ollama` client: raw completions, and what it has."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace
from weakref import WeakKeyDictionary

import httpx
from ollama import AsyncClient, GenerateResponse, ResponseError

from app.answering.chat_model import Completion, ModelInfo, Piece, Prompt
from app.answering.errors import BackendFailed, BackendUnavailable, UnknownModel
from app.answering.llama_index_chat import LlamaIndexChat

NANOSECONDS = 1e6
"""Nanoseconds of a millisecond."""


class OllamaModel:
    """A ChatModel over HTTP. Keeps one client for each event loop: httpx ties them together.

    Args:
        url: where the server answers.
        request_timeout: longest silence before giving up, in seconds.
        keep_alive: how long the server keeps a model after its last use, as Ollama spells it.
    """

    def __init__(self, url: str, request_timeout: float = 300, keep_alive: str = "30m") -> None:
        self.url = url.rstrip("/")
        self._timeout = request_timeout
        self._keep_alive = keep_alive
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncClient] = (
            WeakKeyDictionary()
        )
        self._chat = LlamaIndexChat(self.url, request_timeout, keep_alive)
        self._lengths: dict[str, int | None] = {}
        self._can_count = True

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Generate; chat prompts go through LlamaIndex, completions straight to the server."""
        with _errors(self.url, prompt.model):
            pieces = (
                self._generate(prompt) if prompt.text is not None else self._chat.stream(prompt)
            )
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece
                    if piece.end is not None:
                        return
        raise BackendFailed(
            f"The model server broke off in mid-answer ({prompt.model}); ask again."
        )

    async def _generate(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        replies = await self._client().generate(
            model=prompt.model,
            prompt=prompt.text or "",
            raw=True,
            stream=True,
            keep_alive=self._keep_alive,
            options={
                "temperature": prompt.temperature,
                "num_ctx": prompt.num_ctx,
                "num_predict": prompt.max_tokens,
                "stop": list(prompt.stop),
            },
        )
        assert isinstance(replies, AsyncGenerator)  # closing it is what stops the server
        async with aclosing(replies):
            async for reply in replies:
                yield Piece(reply.response or "", _completion(reply) if reply.done else None)

    async def context_length(self, model: str) -> int | None:
        """Return `…context_length` of /api/show; asked once for each model."""
        if model not in self._lengths:
            with _errors(self.url, model):
                shown = await self._client().show(model)
            found = (
                int(value)
                for key, value in (shown.modelinfo or {}).items()
                if key.endswith(".context_length")
            )
            self._lengths[model] = next(found, None)
        return self._lengths[model]

    async def count_tokens(self, model: str, text: str, num_ctx: int) -> int | None:
        """Ask /api/tokenize, which the bundled backend has and Ollama has not."""
        if not self._can_count:
            return None
        with _errors(self.url, model):
            body = {
                "model": model,
                "content": text,
                "add_special": False,
                "keep_alive": self._keep_alive,
                "options": {"num_ctx": num_ctx},
            }
            reply = await self._http().post("/api/tokenize", json=body)
        if reply.status_code in (404, 405) and "model" not in reply.text:
            self._can_count = False
            return None
        if reply.status_code != 200:
            raise _failure(self.url, model, reply.text, reply.status_code)
        return int(reply.json()["count"])

    async def models(self) -> list[ModelInfo]:
        """Return /api/tags."""
        with _errors(self.url, ""):
            listed = await self._client().list()
        return [
            ModelInfo(
                name=model.model or "",
                size_bytes=int(model.size or 0),
                family=(model.details.family if model.details else "") or "",
                modified_at=model.modified_at.isoformat() if model.modified_at else "",
            )
            for model in listed.models
        ]

    async def load(self, prompt: Prompt) -> None:
        """Generate one token from the prompt: the model is loaded and its cache is warm."""
        async with aclosing(self.stream(replace(prompt, max_tokens=1))) as pieces:
            async for _ in pieces:
                pass

    async def aclose(self) -> None:
        """Close this event loop's connections."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()  # type: ignore[no-untyped-call]
        await self._chat.aclose()

    def _client(self) -> AsyncClient:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = AsyncClient(self.url, timeout=self._timeout, trust_env=False)
        return self._clients[loop]

    def _http(self) -> httpx.AsyncClient:
        """Return the client's own connection pool, for the one route that it does not know."""
        pool = self._client()._client
        assert isinstance(pool, httpx.AsyncClient)
        return pool


def _completion(reply: GenerateResponse) -> Completion:
    spent = (reply.prompt_eval_duration or 0) + (reply.eval_duration or 0)
    return Completion(
        prompt_tokens=reply.prompt_eval_count or 0,
        completion_tokens=reply.eval_count or 0,
        engine_ms=spent / NANOSECONDS,
        load_ms=(reply.load_duration or 0) / NANOSECONDS,
        reason=reply.done_reason or "stop",
    )


@contextmanager
def _errors(url: str, model: str) -> Iterator[None]:
    """Map what the libraries raise to our own errors."""
    try:
        yield
    except ResponseError as error:
        raise _failure(url, model, error.error, error.status_code) from error
    except (httpx.ConnectError, httpx.ConnectTimeout, ConnectionError) as error:
        raise BackendUnavailable(
            f"No model server answers at {url}; start it, or set RAGSTONE_OLLAMA_URL."
        ) from error
    except httpx.TimeoutException as error:
        raise BackendFailed(
            f"The model server at {url} was silent too long; raise RAGSTONE_REQUEST_TIMEOUT."
        ) from error
    except (httpx.HTTPError, json.JSONDecodeError) as error:
        raise BackendFailed(f"The model server broke off in mid-answer: {error!r}.") from error


def _failure(url: str, model: str, message: str, status: int) -> Exception:
    with suppress(ValueError, KeyError, TypeError):
        message = json.loads(message)["error"]
    if status == 404 or "invalid model name" in message:
        return UnknownModel(
            f"The model server at {url} has no model {model}; `ollama pull {model}`, or choose "
            "another with RAGSTONE_MODEL."
        )
    return BackendFailed(f"The model server failed: {message}")
