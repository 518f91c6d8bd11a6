"""How ik_llama.cpp draws a token, read from the body of a completion request."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Sampling:
    """The sampling of a request, in llama.cpp's terms; temperature 0 takes the likeliest token."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    typical_p: float
    repeat_last_n: int
    repeat_penalty: float
    frequency_penalty: float
    presence_penalty: float

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Sampling":
        """The sampling that `llama_wire.completion_body` wrote."""
        return cls(**{field.name: body[field.name] for field in fields(cls)})

    @property
    def penalises(self) -> bool:
        """Whether earlier tokens weigh on the draw."""
        neutral = (self.repeat_penalty, self.frequency_penalty, self.presence_penalty) == (1, 0, 0)
        return self.repeat_last_n != 0 and not neutral
