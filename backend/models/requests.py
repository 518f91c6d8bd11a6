"""The bodies of the routes that change what is stored: copy, delete, create."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from backend.web.wire import as_decoded


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, protected_namespaces=())


class CopyRequest(_Body):
    """POST /api/copy."""

    source: str = ""
    destination: str = ""


class DeleteRequest(_Body):
    """DELETE /api/delete; `name` is the old spelling of `model`."""

    model: str = ""
    name: str = ""


def _object(value: Any) -> Any:
    return as_decoded(value) if isinstance(value, dict) else value


class Example(_Body):
    """A message that every conversation with the model begins with."""

    role: str = ""
    content: str = ""


class CreateRequest(_Body):
    """POST /api/create. `files` and `adapters` map a file's name to the digest of its blob."""

    model: str = ""
    name: str = ""
    stream: bool = True
    from_: str = Field("", alias="from")
    files: dict[str, str] | None = None
    adapters: dict[str, str] | None = None
    draft_files: dict[str, str] | None = None
    template: str = ""
    license: str | list[str] = ""
    system: str = ""
    parameters: dict[str, Any] = {}
    messages: list[Annotated[Example, BeforeValidator(_object)]] = []
    quantize: str = ""
    quantization: str = ""
    renderer: str = ""
    parser: str = ""
    requires: str = ""
    capabilities: list[str] = []
    info: dict[str, Any] = {}
    remote_host: str = ""

    @property
    def licenses(self) -> list[str]:
        """Every licence text that was given."""
        given = [self.license] if isinstance(self.license, str) else self.license
        return [text for text in given if text]
