"""`options` of a request: types checked, defaults filled in, split by what they steer.

Load options are fixed when a runner starts (a change reloads it); sampling options go with each
request. Unknown keys and nulls are passed over, as in Ollama.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from backend.errors import InvalidOption

log = logging.getLogger(__name__)
MIN_CONTEXT = 4
MAX_CONTEXT = 1 << 24
MAX_NUMBER = 1 << 62
# A leaving client is noticed between two batches: within a 3,400-token prompt of Gemma-270M that
# took 0.4-0.7 s with 128 and 3.6-4.3 s with 512 (two loaded cores).
DEFAULT_BATCH = 128
MIN_BATCH = 2  # llama.cpp warms up with two tokens, and aborts where a batch holds one
MIN_VISION_CONTEXT = 2048
# A text must fit one batch to be pooled, and so must a picture for models that look at all its
# tokens at once (llama.cpp aborts where it does not).
WHOLE_BATCH = 2048


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What a runner is started with; 0 and -1 leave the choice to the runner."""

    num_ctx: int = 0
    num_batch: int = 0
    num_gpu: int = -1
    main_gpu: int = 0
    num_thread: int = 0
    use_mmap: bool = True


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How tokens are drawn, with Ollama's defaults (min_p is 0, where llama.cpp has 0.05)."""

    num_keep: int = 4
    seed: int = -1
    num_predict: int = -1
    top_k: int = 40
    top_p: float = 0.9
    min_p: float = 0.0
    typical_p: float = 1.0
    repeat_last_n: int = 64
    temperature: float = 0.8
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """Both halves, merged from the model's own parameters and the request's."""

    load: LoadOptions
    sampling: SamplingOptions


_KNOWN = {field.name for kind in (LoadOptions, SamplingOptions) for field in fields(kind)}


@lru_cache(maxsize=256)  # told once, not with every request of a client
def _warn(name: str) -> None:
    log.warning("the option %r is not known here and has no effect", name)


def read_options(model: Mapping[str, Any], request: Mapping[str, Any] | None) -> Options:
    """The options in force: request over model over default; raises InvalidOption on a type."""
    merged = dict(model)
    merged.update({key: value for key, value in (request or {}).items() if value is not None})
    for name in merged:
        if name not in _KNOWN:
            _warn(name)
    load = LoadOptions(**_values(LoadOptions, merged))
    sampling = SamplingOptions(**_values(SamplingOptions, merged))
    return Options(load, sampling)


def effective_context(
    asked: int, default: int, trained: int | None, *, vision: bool = False
) -> int:
    """Tokens of context: the asked or default number, at most what the model was trained for."""
    least = MIN_VISION_CONTEXT if vision else MIN_CONTEXT
    wanted = min(max(asked or default, least), MAX_CONTEXT)
    return min(wanted, trained) if trained is not None and trained > 0 else wanted


def effective_batch(asked: int, context: int, *, whole_input: bool) -> int:
    """Tokens of one batch, at most the context; where `whole_input`, also the longest input."""
    default = WHOLE_BATCH if whole_input else DEFAULT_BATCH
    return min(max(asked, MIN_BATCH) if asked > 0 else default, context)


def _values(kind: type, merged: Mapping[str, Any]) -> dict[str, Any]:
    names = [(field.name, field.default) for field in fields(kind)]
    return {
        name: _checked(name, merged[name], default)
        for name, default in names
        if merged.get(name) is not None
    }


def _checked(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise InvalidOption(f'option "{name}" must be of type boolean')
        return value
    if isinstance(default, tuple):
        return _strings(name, value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not abs(value) <= MAX_NUMBER:  # not NaN either
        kind = "integer" if isinstance(default, int) else "float32"
        raise InvalidOption(f'option "{name}" must be of type {kind}')
    return int(value) if isinstance(default, int) else float(value)


def _strings(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InvalidOption(f'option "{name}" must be of type array')
    if not all(isinstance(item, str) for item in value):
        raise InvalidOption(f'option "{name}" must be of an array of strings')
    return tuple(value)
