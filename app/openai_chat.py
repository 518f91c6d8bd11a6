"""An answer, or a plain model's reply, as pieces of text for the OpenAI-shaped routes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from app.answering.chat_model import ChatModel, Prompt, Turn
from app.answering.events import Answered, Event, SentenceChecked
from app.answering.forms import form_for
from app.answering.records import Usage
from app.openai_shape import ChatRequest, ragstone_field, shown_text

LONGEST_REPLY = 1024
"""Tokens of a plain reply, where the request sets none."""


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of a reply; the last one has usage, the reason it ended, and what rides along."""

    text: str = ""
    usage: Usage = field(default_factory=Usage)
    finish: str = "stop"
    extra: dict[str, Any] = field(default_factory=dict)

    def after(self, before: "Said") -> "Said":
        """Return this piece with the text of all before it."""
        return Said(before.text + self.text, self.usage, self.finish, self.extra)


async def from_collection(events: AsyncGenerator[Event, None]) -> AsyncGenerator[Said, None]:
    """Yield the answer's text as it settles: only checked sentences, and never to be unsaid.

    The pieces together are the native Answer's text and its list of sources.
    """
    told = ""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, SentenceChecked) and len(event.so_far) > len(told):
                yield Said(event.so_far[len(told) :])
                told = event.so_far
            elif isinstance(event, Answered):
                answer = event.answer
                text = shown_text(answer)[len(told) :]
                yield Said(text, answer.usage, extra={"ragstone": ragstone_field(answer)})


async def from_model(request: ChatRequest, chat: ChatModel) -> AsyncGenerator[Said, None]:
    """Yield what a model of the backend says to the messages, without any documents."""
    longest = await chat.context_length(request.model)
    wanted = form_for(request.model).num_ctx
    prompt = Prompt(
        model=request.model,
        turns=tuple(Turn(message.role, message.text) for message in request.messages),
        num_ctx=min(wanted, longest) if longest else wanted,
        max_tokens=request.max_tokens or request.max_completion_tokens or LONGEST_REPLY,
        stop=request.stops,
        temperature=1.0 if request.temperature is None else request.temperature,
    )
    async with aclosing(chat.stream(prompt)) as pieces:
        async for piece in pieces:
            end = piece.end
            if end is None:
                yield Said(piece.text)
            else:
                finish = "length" if end.reason == "length" else "stop"
                usage = Usage(end.prompt_tokens, end.completion_tokens)
                yield Said(piece.text, usage, finish)
