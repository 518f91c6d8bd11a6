"""What the answers of the OpenAI layer have in common: ids, times, endings, token counts."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FINGERPRINT = "fp_ollama"


@dataclass(frozen=True, slots=True)
class Naming:
    """The id and the time (Unix seconds) of one answer; every chunk of a stream repeats both."""

    id: str
    created: int

    @classmethod
    def new(cls, prefix: str) -> "Naming":
        """A fresh id `<prefix><number>`, created now."""
        return cls(f"{prefix}{secrets.randbelow(10**9)}", int(time.time()))


def finish_reason(answer: Mapping[str, Any], *, called: bool) -> str:
    """`stop`, `length` or `tool_calls`, from Ollama's `done_reason`."""
    if called:
        return "tool_calls"
    return "length" if answer.get("done_reason") == "length" else "stop"


def usage(answer: Mapping[str, Any]) -> dict[str, int]:
    """Tokens of prompt and reply, cached ones included."""
    prompt, reply = answer.get("prompt_eval_count", 0), answer.get("eval_count", 0)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": reply,
        "total_tokens": prompt + reply,
    }
