"""The backend's settings: Ollama's own variables, built once and passed down.

As in Ollama, a value that cannot be read falls back to its default instead of stopping the server.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.address import Address
from backend.readings import KV_TYPES, Reading, count, flag, folder, level, one_of, seconds, text

DEFAULT_CONTEXT = 4096
DEFAULT_MODELS = Path("~/.ollama/models")


class BackendSettings(BaseSettings):
    """Every field is the variable `OLLAMA_<FIELD>`, where it names no other.

    What the descriptions say is what `python -m backend --help` prints (see environment.py).
    """

    model_config = SettingsConfigDict(
        env_prefix="OLLAMA_", frozen=True, extra="ignore", populate_by_name=True
    )

    host: Annotated[str, BeforeValidator(text("127.0.0.1:11434"))] = Field(
        "127.0.0.1:11434", description="where to listen: [scheme://]host[:port][/path]; port 0: any"
    )
    models: Annotated[Path, BeforeValidator(folder(DEFAULT_MODELS))] = Field(
        DEFAULT_MODELS, description="folder with manifests/ and blobs/"
    )
    origins: Annotated[str, BeforeValidator(text(""))] = Field(
        "", description="further allowed browser origins, comma-separated; each may hold one *"
    )
    debug: Annotated[int, BeforeValidator(Reading(level, 0, "0, 1 or 2"))] = Field(
        0, description="1: what the server and the engine do; 2: libraries too"
    )
    context_length: Annotated[int, BeforeValidator(count(0))] = Field(
        0, description="num_ctx where a request names none; 0: 4096"
    )
    keep_alive: Annotated[float, BeforeValidator(seconds(300.0))] = Field(
        300.0, description="how long an idle model stays loaded; negative: for ever"
    )
    load_timeout: Annotated[float, BeforeValidator(seconds(300.0, zero_is_forever=True))] = Field(
        300.0, description="how long a load may stand still; 0 or negative: for ever"
    )
    max_loaded_models: Annotated[int, BeforeValidator(count(0))] = Field(
        0, description="models loaded at once; 0: 3"
    )
    max_queue: Annotated[int, BeforeValidator(count(512, least=1))] = Field(
        512, description="requests that may wait for a load; the next one gets 503"
    )
    num_parallel: Annotated[int, BeforeValidator(count(1, least=1))] = Field(
        1, description="slots of a runner; more of them lower the throughput of a small CPU"
    )
    flash_attention: Annotated[bool | None, BeforeValidator(flag(default=None))] = Field(
        None, description="flash attention; unset: the engine decides"
    )
    kv_cache_type: Annotated[str, BeforeValidator(one_of(*KV_TYPES))] = Field(
        "f16", description="f16, q8_0 or q4_0; the latter two turn flash attention on"
    )
    noprune: Annotated[bool, BeforeValidator(flag(default=False))] = Field(
        False, description="keep blobs that no model names any more"
    )
    num_thread: Annotated[int, BeforeValidator(count(0))] = Field(
        0, description="threads of the engine; 0: physical cores (ours, Ollama has none)"
    )
    engine: Annotated[str, BeforeValidator(one_of("llama", "ik"))] = Field(
        "llama",
        validation_alias="RAGSTONE_ENGINE",
        description="ik: read prompts faster with ik_llama.cpp where that is sound (extra `ik`)",
    )
    token: Annotated[str, BeforeValidator(text(""))] = Field(
        "",
        validation_alias="RAGSTONE_BACKEND_TOKEN",
        description="when set, every request must carry it: Authorization: Bearer TOKEN",
        repr=False,
    )

    bundled_models: Annotated[
        Path | None, BeforeValidator(Reading[Path | None](Path, None, "a folder"))
    ] = Field(
        None,
        validation_alias="RAGSTONE_MODELS_DIR",
        description="where `make setup` put the bundled models; they are pulled from there",
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
    def kv_type(self) -> str:
        """The cache's type: a quantised one needs flash attention, as in Ollama."""
        return "f16" if self.flash_attention is False else self.kv_cache_type

    @property
    def attention(self) -> bool | None:
        """Flash attention on, off, or (None) as the engine likes."""
        return True if self.kv_type != "f16" else self.flash_attention

    @property
    def default_context(self) -> int:
        """Tokens of context where neither request nor model says."""
        return self.context_length or DEFAULT_CONTEXT

    @property
    def loaded_limit(self) -> int:
        """The number of runners that may live at once."""
        return self.max_loaded_models or 3
