"""The body of the routes that move models: pull and push."""

from pydantic import BaseModel, ConfigDict


class TransferRequest(BaseModel):
    """POST /api/pull and /api/push; `name` is the old spelling of `model`."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, protected_namespaces=())

    model: str = ""
    name: str = ""
    insecure: bool = False
    stream: bool = True

    @property
    def asked(self) -> str:
        """The name of the model, in either spelling."""
        return (self.model or self.name).strip()
