"""The config blob of a model and the `details` that `/api/tags`, `/api/show` and `/api/ps` show."""

from collections.abc import Mapping, Sequence
from typing import Any

from backend.models.gguf import GGUF

# The keys in Ollama's order; what else a config holds comes after them.
_ORDER = (
    "model_format", "model_family", "model_families", "model_type", "file_type", "renderer",
    "parser", "requires", "remote_host", "remote_model", "capabilities", "context_length",
    "embedding_length", "base_name", "draft",
)  # fmt: skip


def config_of(header: GGUF) -> dict[str, Any]:
    """What the config says of a GGUF model, from the file's own header."""
    config: dict[str, Any] = {
        "model_format": "gguf",
        "model_family": header.architecture,
        "model_families": [header.architecture],
        "model_type": human_count(header.parameter_count),
        "file_type": header.file_type,
    }
    for key in ("context_length", "embedding_length"):
        value = header.integer(key)
        if value is not None:
            config[key] = value
    return config


def complete(config: Mapping[str, Any], digests: Sequence[str]) -> dict[str, Any]:
    """The config as it is stored, with what a registry of container images wants to see in it."""
    known = {key: config[key] for key in _ORDER if config.get(key)}
    fixed = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": list(digests)},
    }
    own = {key: value for key, value in config.items() if key not in {*_ORDER, *fixed}}
    return known | own | fixed


def details(config: Mapping[str, Any]) -> dict[str, Any]:
    """The `details` object of the API, from a stored config."""
    family = str(config.get("model_family") or "")
    families = config.get("model_families")
    named = isinstance(families, list) and all(isinstance(one, str) for one in families)
    shown: dict[str, Any] = {
        "parent_model": "",
        "format": str(config.get("model_format") or "gguf"),
        "family": family,
        "families": (families if named else None) or ([family] if family else None),
        "parameter_size": str(config.get("model_type") or ""),
        "quantization_level": str(config.get("file_type") or "unknown"),
    }
    for key in ("context_length", "embedding_length"):
        value = config.get(key)
        if isinstance(value, int) and value > 0:  # a config may hold NaN, which JSON cannot show
            shown[key] = value
    return shown


def human_count(count: int) -> str:
    """A parameter count as Ollama writes it: `7.2B`, `134.52M`, `1.5K`, `12`."""
    if count >= 1_000_000_000:
        return f"{_trimmed(count / 1e9, 1)}B"
    if count >= 1_000_000:
        return f"{_trimmed(count / 1e6, 2)}M"
    if count >= 1_000:
        return f"{count / 1e3:.0f}K"
    return str(count)


def _trimmed(value: float, digits: int) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.{digits}f}"
