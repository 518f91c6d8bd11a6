"""Every setting of the service: type, default, bounds and a sentence.

Precedence: command-line flag > environment (``RAGSTONE_*``) > ``.env`` file > default.
Built once by the command line or `create_app`, and passed down.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parent.parent


def default_folder(name: str) -> Path:
    """Return a folder inside the checkout, or in the user's data home where installed."""
    if (CHECKOUT / "pyproject.toml").exists():
        return CHECKOUT / name
    return Path.home() / ".local" / "share" / "ragstone" / name.lstrip(".")


class Settings(BaseSettings):
    """Settings of `ragstone serve`."""

    model_config = SettingsConfigDict(
        env_prefix="RAGSTONE_", env_file=".env", extra="ignore", frozen=True
    )

    # where
    host: str = Field("127.0.0.1", description="Address to listen on; loopback by default.")
    port: int = Field(
        8484, ge=0, le=65535, description="Port of the API; 0 lets the system choose."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Further host names (JSON list) that browsers may reach this service by."
    )
    data_dir: Path = Field(
        default_factory=lambda: default_folder("data"),
        description="Folder of the catalogue, indexes and original files.",
    )
    models_dir: Path = Field(
        default_factory=lambda: default_folder(".models"),
        description="Folder of the bundled models, as `make setup` lays it out.",
    )

    # engines
    database_url: str | None = Field(
        None, description="SQLAlchemy URL of the catalogue; default: SQLite in the data folder."
    )
    chroma_url: str | None = Field(
        None,
        description="http://host:port of a Chroma server; default: embedded in the data folder.",
    )
    queue_url: str | None = Field(
        None, description="redis://… of the job queue; default: SQLite in the data folder."
    )
    ollama_url: str | None = Field(
        None, description="Ollama-compatible server to use instead of the bundled backend."
    )
    model: str = Field("gemma3-base:270m", description="Language model that answers by default.")
    embedding_model: str | None = Field(
        None, description="Hugging Face name or folder; default: the bundled all-MiniLM-L6-v2."
    )
    embedding_threads: int = Field(
        0, ge=0, le=256, description="Threads of the embedding model; 0: one per core."
    )

    # documents
    max_upload_mb: int = Field(100, ge=1, le=10_000, description="Largest single file, in MiB.")
    parse_seconds: float = Field(
        300, gt=0, description="Longest time the reading of one document may take."
    )
    parse_memory_mb: int = Field(
        4096, ge=256, description="Address space of the process that reads one document, in MiB."
    )
    chunk_tokens: int = Field(200, ge=32, le=8192, description="Largest chunk, in model tokens.")
    chunk_overlap_tokens: int = Field(
        24, ge=0, le=512, description="Tokens that a chunk repeats of the one before."
    )
    job_attempts: int = Field(3, ge=1, le=20, description="Tries before a job is given up.")

    # answers
    top_k: int = Field(6, ge=1, le=50, description="Passages retrieved for a question.")
    fusion: Literal["convex", "rrf"] = Field(
        "convex", description="How word and embedding search become one ranking."
    )
    request_timeout: float = Field(
        300, gt=0, description="Longest silence of the model server before giving up, in seconds."
    )
    keep_alive: str = Field("30m", description="How long the backend keeps the model loaded.")

    # evaluation
    eval_cron: str | None = Field(
        None,
        description="Crontab line of the nightly evaluation, e.g. `30 2 * * *`; off by default.",
    )
    eval_dataset: str = Field("ragstone", description="Dataset of the nightly evaluation.")
