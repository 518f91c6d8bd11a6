"""What a prompt is written from, and how consecutive messages become one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Message: TypeAlias = Mapping[str, Any]
DEFAULT_LEVEL = "medium"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request's side of a prompt; messages and tools are in the JSON shape of `/api/chat`.

    `think` None means that the request left it open. `prompt` and `suffix` together ask to fill
    in the middle; the messages are then left aside.
    """

    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]] = ()
    think: bool | str | None = None
    prompt: str = ""
    suffix: str = ""

    @property
    def thinking(self) -> dict[str, Any]:
        """The three variables through which a template sees the `think` of a request."""
        level = self.think if isinstance(self.think, str) else DEFAULT_LEVEL if self.think else ""
        return {
            "Think": bool(self.think),
            "ThinkLevel": level,
            "IsThinkSet": self.think is not None,
        }


def collated(messages: Sequence[Message]) -> tuple[str, list[dict[str, Any]]]:
    """All system texts joined, and the messages with consecutive ones of a role made one.

    Results of tools stay apart, as each belongs to a call. The first of merged messages keeps its
    other fields, the later ones give their text only, as in Ollama.
    """
    systems: list[str] = []
    merged: list[dict[str, Any]] = []
    for message in messages:
        role, content = text_of(message.get("role")), text_of(message.get("content"))
        if role == "system":
            systems.append(content)
        if merged and merged[-1]["role"] == role and role != "tool":
            merged[-1]["content"] += f"\n\n{content}"
        else:
            merged.append({**message, "role": role, "content": content})
    return "\n\n".join(systems), merged


def text_of(value: Any) -> str:
    """A JSON value as text: empty unless it is a string, half surrogate pairs replaced as in Go."""
    if not isinstance(value, str) or value.isascii():
        return value if isinstance(value, str) else ""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
