"""Where each setting's value comes from: flag, environment, `.env` file or default."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from app.settings import Settings

SECRET_WORDS = ("key", "token", "secret", "password")
MASK = "********"
_SECRET_PARAMETER = re.compile(
    rf"([?&;][^=&#]*(?:{'|'.join(SECRET_WORDS)})=)[^&;#]*", re.IGNORECASE
)
"""A secret among the parameters of a URL, as in postgresql://host/db?user=me&password=…"""


@dataclass(frozen=True, slots=True)
class Row:
    """One setting. `origin` is `flag`, `environment`, the `.env` file's name, or `default`."""

    name: str
    variable: str
    value: str
    origin: str
    description: str


def report(
    settings: Settings,
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    env_file: Mapping[str, str | None],
) -> list[Row]:
    """Return a row for each setting; secrets, also within URLs, are masked.

    `flags` are the values given on the command line, `env_file` the parsed `.env`.
    Variable names are compared without case, as pydantic-settings does.
    """
    set_in_environment = {name.upper() for name in environment}
    set_in_file = {name.upper() for name in env_file}

    def origin(name: str, variable: str) -> str:
        if flags.get(name) is not None:
            return "flag"
        if variable in set_in_environment:
            return "environment"
        return ".env" if variable in set_in_file else "default"

    rows = []
    for name, field in Settings.model_fields.items():
        variable = f"{Settings.model_config['env_prefix']}{name}".upper()
        value = shown(name, getattr(settings, name))
        rows.append(Row(name, variable, value, origin(name, variable), field.description or ""))
    return rows


def read_env_file(path: Path) -> dict[str, str | None]:
    """Return what a `.env` file sets, nothing where there is none."""
    from dotenv import dotenv_values

    return dict(dotenv_values(path)) if path.is_file() else {}


def shown(name: str, value: Any) -> str:
    """Return a value as it may be shown."""
    if value is None:
        return ""
    if isinstance(value, SecretStr) or any(word in name.split("_") for word in SECRET_WORDS):
        return MASK
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(map(str, value))
    return without_password(str(value)) if "://" in str(value) else str(value)


def without_password(url: str) -> str:
    """Return the URL with its password masked."""
    url = _SECRET_PARAMETER.sub(rf"\1{MASK}", url)
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:  # no address at all; what was meant as its password cannot be told
        return MASK if "@" in url else url
    if password is None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.split(':', 1)[0]}:{MASK}@{host}"))
