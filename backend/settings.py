"""The backend's settings: Ollama's own variables, built once and passed down.

As in Ollama, a value that cannot be read falls back to its default instead of stopping the server.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.address import Address
from backend.durations import parse_setting

DEFAULT_CONTEXT = 4096
DEFAULT_MODELS = Path("~/.ollama/models")


def _trimmed(value: Any) -> str:
    return str(value).strip().strip("\"'")


def _folder(value: Any) -> Path:
    text = _trimmed(value)  # an empty variable must not mean the present folder
    return Path(text) if text else DEFAULT_MODELS


def _flag(value: Any) -> bool:
    """Ollama's rule: whatever is not a spelling of false is true; empty is unset."""
    return _trimmed(value).lower() not in ("", "0", "f", "false")


def _seconds(default: float) -> Callable[[Any], float]:
    return lambda value: parse_setting(_trimmed(value), default)


def _count(default: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        text = _trimmed(value)
        return int(text) if text.isascii() and text.isdigit() else default

    return read


def _positive(default: int) -> Callable[[Any], int]:
    read = _count(default)
    return lambda value: read(value) or default


class BackendSettings(BaseSettings):
    """Every field is the variable `OLLAMA_<FIELD>`."""

    model_config = SettingsConfigDict(
        env_prefix="OLLAMA_", frozen=True, extra="ignore", populate_by_name=True
    )

    host: Annotated[str, BeforeValidator(_trimmed)] = Field(
        "127.0.0.1:11434", description="Where to listen: [scheme://]host[:port]; port 0 = any."
    )
    origins: Annotated[str, BeforeValidator(_trimmed)] = Field(
        "", description="Further allowed browser origins, comma-separated; each may hold one *."
    )
    models: Annotated[Path, BeforeValidator(_folder)] = Field(
        DEFAULT_MODELS, description="Folder with manifests/ and blobs/."
    )
    keep_alive: Annotated[float, BeforeValidator(_seconds(300.0))] = Field(
        300.0, description="How long an idle model stays loaded; negative = for ever."
    )
    load_timeout: Annotated[float, BeforeValidator(_seconds(300.0))] = Field(
        300.0, description="How long a load may take; 0 or negative = no limit."
    )
    num_parallel: Annotated[int, BeforeValidator(_positive(1))] = Field(
        1, description="Slots per runner; more slots lower the throughput of small CPUs."
    )
    max_loaded_models: Annotated[int, BeforeValidator(_count(0))] = Field(
        0, description="Models loaded at once; 0 = 3."
    )
    max_queue: Annotated[int, BeforeValidator(_positive(512))] = Field(
        512, description="Requests that may wait for a model; the next one gets 503."
    )
    context_length: Annotated[int, BeforeValidator(_count(0))] = Field(
        0, description="num_ctx where a request names none; 0 = 4096."
    )

    noprune: Annotated[bool, BeforeValidator(_flag)] = Field(
        False, description="Keep blobs that no model names any more."
    )

    num_thread: Annotated[int, BeforeValidator(_count(0))] = Field(
        0, description="Engine threads (ours, not Ollama's); 0 = physical cores."
    )

    bundled_models: Path | None = Field(
        None,
        validation_alias="RAGSTONE_MODELS_DIR",
        description="Where `make setup` put the bundled models; they are pulled from there.",
    )

    @property
    def bundled_folder(self) -> Path:
        """RAGSTONE_MODELS_DIR, else its default: in a checkout, or in the user's data home."""
        if self.bundled_models is not None:
            return self.bundled_models.expanduser()
        checkout = Path(__file__).resolve().parents[1]
        if (checkout / "pyproject.toml").exists():
            return checkout / ".models"
        return Path.home() / ".local" / "share" / "ragstone" / "models"

    @property
    def address(self) -> Address:
        """The parsed OLLAMA_HOST."""
        return Address.parse(self.host)

    @property
    def models_folder(self) -> Path:
        """OLLAMA_MODELS with `~` expanded."""
        return self.models.expanduser()

    @property
    def default_context(self) -> int:
        """Tokens of context where neither request nor model says."""
        return self.context_length or DEFAULT_CONTEXT

    @property
    def loaded_limit(self) -> int:
        """The number of runners that may live at once."""
        return self.max_loaded_models or 3
