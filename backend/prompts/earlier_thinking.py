"""Takes the thinking out of earlier replies, for the families that were trained without it."""

from collections.abc import Sequence
from typing import Any

from backend.answers.thinking import ThinkingParser
from backend.models.library import OpenModel
from backend.prompts.conversation import Message

_TAGS = ("<think>", "</think>")


def without_earlier_thinking(model: OpenModel, messages: Sequence[Message]) -> list[Message]:
    """The messages; those of the assistant before the last question lose `<think>…</think>`."""
    family = str(model.stored.config.get("model_family") or "")
    if not family.startswith("qwen3") and "deepseek-r1" not in model.stored.name.model.lower():
        return list(messages)
    last = max((i for i, one in enumerate(messages) if one["role"] == "user"), default=-1)
    return [
        _answer_only(one) if i < last and one["role"] == "assistant" else one
        for i, one in enumerate(messages)
    ]


def _answer_only(message: Message) -> dict[str, Any]:
    parser = ThinkingParser(*_TAGS)
    _, content = parser.feed(str(message.get("content") or ""))
    return {**message, "content": content + parser.end()[1]}
