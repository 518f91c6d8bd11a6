"""Every variable that users of Ollama set: what it does here, or why it does nothing.

The help of `python -m backend` and the lines at its start both come from these tables.
"""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic.fields import FieldInfo

from backend.address import Address
from backend.readings import KV_TYPES, Reading, flag, one_of, trimmed
from backend.settings import BackendSettings

WITHOUT_EFFECT = {
    "OLLAMA_AUTH": "there is no account here; RAGSTONE_BACKEND_TOKEN asks callers for a token",
    "OLLAMA_DEBUG_LOG_REQUESTS": "requests are not written to files; OLLAMA_DEBUG=1 logs more",
    "OLLAMA_GO_TEMPLATE": "a model's TEMPLATE is used where it has one, else the file's own Jinja",
    "OLLAMA_GPU_OVERHEAD": "layers are not fitted to a GPU's memory; num_gpu counts those there",
    "OLLAMA_IGPU_ENABLE": "the engine's package decides which devices it can use",
    "OLLAMA_INTEL_GPU": "the engine's package decides which devices it can use",
    "OLLAMA_LLM_LIBRARY": "there is one build of the engine, the installed package",
    "OLLAMA_MAX_TRANSFER_STREAMS": "it steers safetensors models; a GGUF comes in parts at once",
    "OLLAMA_MAX_VRAM": "layers are not fitted to a GPU's memory; num_gpu counts those there",
    "OLLAMA_MULTIUSER_CACHE": "prompts that share a beginning share its cache in any case",
    "OLLAMA_NEW_ENGINE": "RAGSTONE_ENGINE chooses between the engines here",
    "OLLAMA_NO_CLOUD": "there is no cloud to turn off: nothing goes there in any case",
    "OLLAMA_REMOTES": "there are no remote models, so no host needs to be trusted with them",
    "OLLAMA_RUNNERS_DIR": "the engine is part of the installed package, no folder of runners",
    "OLLAMA_SCHED_SPREAD": "llama.cpp spreads a model over all GPUs that it sees by itself",
    "OLLAMA_TMPDIR": "nothing is unpacked, and uploads are written beside the blobs",
    "OLLAMA_VULKAN": "the engine's package decides which devices it can use",
}
OF_COMMANDS = {
    "OLLAMA_EDITOR": "the editor that `ragstone model run` opens",
    "OLLAMA_NOHISTORY": "keep no history of what is typed into `ragstone model run`",
    "HTTPS_PROXY": "proxy of pull and push; HTTP_PROXY and NO_PROXY too",
}


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that counts; `default` as a user would write it."""

    name: str
    default: str
    meaning: str
    reading: Reading[object] | None


def variables() -> Iterator[Variable]:
    """What the settings read, in their order."""
    for name, field in BackendSettings.model_fields.items():
        reading = _reading(field)
        default = "" if reading is None else _shown(reading.default)
        yield Variable(_variable(name, field), default, field.description or "", reading)


def notices(environ: Mapping[str, str]) -> list[str]:
    """A line for each variable that is set and does not do what its name promises."""
    known = {one.name: one for one in variables()}
    lines = []
    for name in sorted(environ):
        value = environ[name]
        if name in known:
            lines += _unreadable(known[name], value)
        elif name in WITHOUT_EFFECT and trimmed(value):
            lines.append(f"{name} has no effect here: {WITHOUT_EFFECT[name]}")
        elif name.startswith("OLLAMA_") and name not in OF_COMMANDS and name not in WITHOUT_EFFECT:
            lines.append(f"{name} has no effect here: this server does not know it")
    return lines + _together(environ)


def help_text() -> str:
    """The tables for a terminal."""
    rows = [
        (one.name, f"{one.meaning}{f' [{one.default}]' if one.default else ''}")
        for one in variables()
    ]
    return "\n\n".join(
        [
            "environment variables, [default]:\n" + _table(rows),
            "of the command line:\n" + _table(OF_COMMANDS.items()),
            "without effect here, and why:\n" + _table(WITHOUT_EFFECT.items()),
        ]
    )


def _unreadable(variable: Variable, value: str) -> list[str]:
    if variable.name == "OLLAMA_HOST" and not Address.has_port_right(value):
        port = Address.parse(value).port
        return [f"OLLAMA_HOST={value!r} has no port between 0 and 65535: {port} is used"]
    reading = variable.reading
    if reading is None or reading.understands(value):
        return []
    used = variable.default or "nothing"
    return [f"{variable.name}={value!r} is not {reading.form}: {used} is used"]


def _together(environ: Mapping[str, str]) -> list[str]:
    lines = []
    flash = flag(default=None)(environ.get("OLLAMA_FLASH_ATTENTION", ""))
    kind = one_of(*KV_TYPES)(environ.get("OLLAMA_KV_CACHE_TYPE", ""))
    if flash is False and kind != "f16":
        lines.append(
            f"OLLAMA_KV_CACHE_TYPE={kind} has no effect while "
            "OLLAMA_FLASH_ATTENTION is off, as a quantised cache needs it: f16 is used"
        )
    if trimmed(environ.get("OLLAMA_HOST", "")).lower().startswith("https://"):
        lines.append("OLLAMA_HOST says https, but this server speaks plain HTTP")
    return lines


def _variable(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return alias if isinstance(alias, str) else f"OLLAMA_{name.upper()}"


def _reading(field: FieldInfo) -> Reading[object] | None:
    validators = (getattr(one, "func", None) for one in field.metadata)
    return next((one for one in validators if isinstance(one, Reading)), None)


def _shown(value: object) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:g}s" if isinstance(value, float) else str(value)


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(
        f"  {name:<28}"
        + textwrap.fill(meaning, 68, subsequent_indent=" " * 30, break_on_hyphens=False)
        for name, meaning in rows
    )
