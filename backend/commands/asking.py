"""What a one-shot answer and a chat have in common: the options of `run`, loading, streaming."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from backend.commands.answer import AnswerPrinter
from backend.commands.errors import CommandFailed
from backend.commands.progress import waiting
from backend.commands.server import Server


@dataclass(slots=True)
class RunOptions:
    """What the flags of `run` say; `think` None leaves it to what the model can."""

    format: str = ""
    keep_alive: str = ""
    verbose: bool = False
    wrap: bool = True
    think: bool | str | None = None
    hide_thinking: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def body(self, model: str) -> dict[str, Any]:
        """The fields that every request of this run has; raises CommandFailed for the format."""
        body: dict[str, Any] = {"model": model}
        if self.format:
            body["format"] = json_format(self.format)
        if self.keep_alive:
            body["keep_alive"] = self.keep_alive
        if self.think is not None:
            body["think"] = self.think
        if self.options:
            body["options"] = self.options
        return body


def stream_answer(
    server: Server, path: str, body: Mapping[str, Any], printer: AnswerPrinter
) -> bool:
    """Print a streamed answer; False where Ctrl-C ended it, which also ends it at the server."""
    with closing(server.stream(path, body)) as lines:
        try:
            for line in lines:
                printer.add(line)
        except KeyboardInterrupt:
            return False
        finally:
            printer.end()
    return True


def load(server: Server, name: str, options: RunOptions) -> None:
    """Load the model ahead of the first question; raises Refused, for `think` too."""
    body = options.body(name) | {"stream": False}
    body.pop("format", None)
    with waiting():
        server.post("/api/generate", body)


def can(shown: Mapping[str, Any], capability: str) -> bool:
    """Whether a model, as /api/show answers for it, has a capability."""
    return capability in (shown.get("capabilities") or [])


def json_format(text: str) -> Any:
    """The `format` of a request for the flag's text: "json", or a JSON schema."""
    if text == "json":
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise CommandFailed(f'invalid format: {text!r}; expected "json" or a JSON schema') from None
