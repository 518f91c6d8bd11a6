"""What a request of OpenAI's says about drawing tokens, as Ollama's `options`."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class OpenAIBody(BaseModel):
    """A request body of OpenAI's API: strict types, unknown fields passed over."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, protected_namespaces=())

    model: str = ""


class StreamOptions(BaseModel):
    """`stream_options` of a request."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    include_usage: bool | None = False


class SampledRequest(OpenAIBody):
    """The fields that chat and text completions share."""

    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    max_tokens: int | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    temperature: float = 1.0  # not Ollama's 0.8: who speaks OpenAI's API expects its defaults
    top_p: float = 1.0
    frequency_penalty: float | None = None
    presence_penalty: float | None = None

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a chunk that counts the tokens."""
        return bool(self.stream_options.include_usage)

    def options(self) -> dict[str, Any]:
        """Ollama's options; what the request leaves out stays out, but for OpenAI's defaults."""
        stop = [self.stop] if isinstance(self.stop, str) else self.stop
        found = {
            "num_predict": self.max_tokens,
            "seed": self.seed,
            "stop": stop,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "frequency_penalty": self.frequency_penalty,
            "presence_penalty": self.presence_penalty,
        }
        return {name: value for name, value in found.items() if value is not None}
