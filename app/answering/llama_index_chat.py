"""Chat with instruct models through LlamaIndex's Ollama client."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from weakref import WeakKeyDictionary

from app.answering.chat_model import Completion, Piece, Prompt

NANOSECONDS = 1e6


class LlamaIndexChat:
    """Streams chat prompts; raises what httpx and ollama raise, which ollama_model maps.

    Two traps of the library are closed here: without `context_window` it loads a model with its
    longest context, and one client object works in one event loop only.
    """

    def __init__(self, url: str, request_timeout: float, keep_alive: str) -> None:
        self._url = url
        self._timeout = request_timeout
        self._keep_alive = keep_alive
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """Yield pieces; the last has the engine's counts."""
        llm, messages = await asyncio.to_thread(self._prepare, prompt)
        llm._async_client = self._client()
        replies = await llm.astream_chat(messages)
        try:
            async for reply in replies:
                raw = reply.raw or {}
                done = bool(raw.get("done"))
                yield Piece(reply.delta or "", _completion(raw) if done else None)
        finally:
            await replies.aclose()

    async def aclose(self) -> None:
        """Close this event loop's connections."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    def _prepare(self, prompt: Prompt) -> tuple[Any, list[Any]]:
        """Build LlamaIndex's objects; its first import takes seconds, so not on the loop."""
        from llama_index.core.llms import ChatMessage
        from llama_index.llms.ollama import Ollama

        llm = Ollama(
            model=prompt.model,
            base_url=self._url,
            temperature=prompt.temperature,
            context_window=prompt.num_ctx,
            request_timeout=self._timeout,
            keep_alive=self._keep_alive,
            thinking=False,
            additional_kwargs={"num_predict": prompt.max_tokens, "stop": list(prompt.stop)},
        )
        return llm, [ChatMessage(role=turn.role, content=turn.content) for turn in prompt.turns]

    def _client(self) -> Any:
        from ollama import AsyncClient

        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = AsyncClient(self._url, timeout=self._timeout, trust_env=False)
        return self._clients[loop]


def _completion(raw: dict[str, Any]) -> Completion:
    spent = (raw.get("prompt_eval_duration") or 0) + (raw.get("eval_duration") or 0)
    return Completion(
        prompt_tokens=raw.get("prompt_eval_count") or 0,
        completion_tokens=raw.get("eval_count") or 0,
        engine_ms=spent / NANOSECONDS,
        load_ms=(raw.get("load_duration") or 0) / NANOSECONDS,
        reason=raw.get("done_reason") or "stop",
    )
