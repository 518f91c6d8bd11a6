"""`info` of /api/create: what the config should say, whatever the weights do."""

from typing import Any

from backend.errors import BadRequest

_TEXTS = {"model_family": "model_family", "base_name": "base_name",
          "quantization_level": "file_type", "parameter_size": "model_type"}  # fmt: skip
_NUMBERS = ("context_length", "embedding_length")


def apply_info(config: dict[str, Any], info: dict[str, Any]) -> None:
    """Change `config` as `info` says; raises BadRequest on a value of the wrong type."""
    if "capabilities" in info:
        config["capabilities"] = _texts(info["capabilities"])
    for field, key in _TEXTS.items():
        if field in info:
            if not isinstance(info[field], str):
                raise BadRequest(f'info field "{field}" must be a string')
            config[key] = info[field]
    if "model_family" in info:
        config["model_families"] = [info["model_family"]] if info["model_family"] else []
    for field in _NUMBERS:
        if field in info:
            config[field] = _count(field, info[field])


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadRequest('info field "capabilities" must be an array of strings')
    return list(value)


def _count(field: str, value: Any) -> int:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < 1 << 62 or value != int(value):
        raise BadRequest(f'info field "{field}" must be a non-negative integer')
    return int(value)
