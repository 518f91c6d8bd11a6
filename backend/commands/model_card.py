"""What `show` prints of a model: sections with a line for each fact; text in, text out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backend.commands.tables import WIDEST, table
from backend.commands.units import human_number

Rows = list[list[str]]
FIRST_LINES = 2
"""Lines shown of the system prompt and of the licence."""
PROSE_WIDTH = 100
LIST_WIDTH = 10
"""Columns that the shown head of a long list takes, as it is a glance and not the data."""


def model_card(shown: Mapping[str, Any], *, verbose: bool = False) -> str:
    """The sections for an answer of /api/show; `verbose` adds its metadata and tensors."""
    out = []
    for title, rows, widest in _sections(shown, verbose=verbose):
        out.append(f"  {title}\n{table(rows, widest=widest)}\n")
    return "".join(out)


def _sections(shown: Mapping[str, Any], *, verbose: bool) -> Iterator[tuple[str, Rows, int]]:
    info = shown.get("model_info")
    yield "Model", _model(shown), WIDEST
    if capabilities := shown.get("capabilities"):
        yield "Capabilities", [["", name] for name in capabilities], WIDEST
    if projector := shown.get("projector_info"):
        yield "Projector", _projector(projector), WIDEST
    if parameters := shown.get("parameters"):
        lines = [["", *line.split()] for line in parameters.splitlines() if line.strip()]
        yield "Parameters", lines, WIDEST
    if info and verbose:
        yield "Metadata", [["", key, _glance(info[key])] for key in sorted(info)], WIDEST
    if verbose and (tensors := shown.get("tensors")):
        yield "Tensors", [_tensor(tensor) for tensor in tensors], WIDEST
    for title in ("System", "License"):
        if text := shown.get(title.lower()):
            yield title, _head(text), PROSE_WIDTH


def _model(shown: Mapping[str, Any]) -> Rows:
    details, info = shown.get("details") or {}, shown.get("model_info") or {}
    arch = info.get("general.architecture") or details.get("family", "")
    size = details.get("parameter_size") or _count(info.get("general.parameter_count"))
    facts = (
        ("Remote model", shown.get("remote_model")),
        ("Remote URL", shown.get("remote_host")),
        ("architecture", arch),
        ("parameters", size),
        ("context length", info.get(f"{arch}.context_length")),
        ("embedding length", info.get(f"{arch}.embedding_length")),
        ("quantization", details.get("quantization_level", "")),
        ("requires", shown.get("requires")),
    )
    always = ("quantization",)
    return [["", name, str(value or "")] for name, value in facts if value or name in always]


def _projector(info: Mapping[str, Any]) -> Rows:
    arch = info.get("general.architecture", "")

    def value(suffix: str) -> Any:
        keys = (f"{arch}.{kind}.{suffix}" for kind in ("vision", "audio"))
        return next((info[key] for key in keys if info.get(key)), None)

    facts = (
        ("architecture", arch),
        ("parameters", _count(info.get("general.parameter_count"))),
        ("embedding length", value("embedding_length")),
        ("dimensions", value("projection_dim")),
    )
    return [["", name, str(fact)] for name, fact in facts if fact]


def _count(value: Any) -> str:
    return human_number(int(value)) if isinstance(value, int | float) and value else ""


def _tensor(tensor: Mapping[str, Any]) -> list[str]:
    shape = " ".join(map(str, tensor.get("shape") or ()))
    return ["", str(tensor.get("name")), str(tensor.get("type")), f"[{shape}]"]


def _glance(value: Any) -> str:
    if isinstance(value, list):
        return _list_glance([_glance(item) for item in value])
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _list_glance(items: Sequence[str]) -> str:
    width, shown = 1, 0
    for item in items:
        width += len(item) + (2 if shown else 0)
        if shown and width > LIST_WIDTH:
            break
        shown += 1
    head = " ".join(items[:shown])
    left = len(items) - shown
    return f"[{head} ...+{left} more]" if left else f"[{head}]"


def _head(text: str) -> Rows:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rows = [["", line] for line in lines[:FIRST_LINES]]
    return [*rows, ["", "..."]] if len(lines) > FIRST_LINES else rows
