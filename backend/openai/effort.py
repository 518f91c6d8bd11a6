"""`reasoning_effort` of OpenAI's API as Ollama's `think`."""

from typing import Any

from backend.errors import BadRequest

# Steps that only OpenAI has become the nearest one of Ollama's.
_THINK: dict[str, bool | str] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "max",
    "ultra": "max",
    "max": "max",
}


def think(effort: Any) -> bool | str | None:
    """What to ask of the model; None where the request says nothing. Raises BadRequest."""
    if effort is None or effort == "":
        return None
    if not isinstance(effort, str) or effort not in _THINK:
        known = ", ".join(f'"{name}"' for name in _THINK)
        raise BadRequest(f"invalid reasoning value: '{effort}' (must be one of {known})")
    return _THINK[effort]
