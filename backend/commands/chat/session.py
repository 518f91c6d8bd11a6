"""A conversation: the model, what was said, and what the user has set."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from backend.commands.answer import AnswerPrinter
from backend.commands.asking import RunOptions, can, load, stream_answer
from backend.commands.pictures import take_pictures
from backend.commands.progress import waiting
from backend.commands.server import Server
from backend.commands.timings import timings


@dataclass(slots=True)
class Session:
    """The state of a chat; `system` and `template` are what the user has set, empty otherwise."""

    server: Server
    model: str
    shown: Mapping[str, Any]
    options: RunOptions
    think_is_set: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)
    system: str = ""
    template: str = ""

    @property
    def sees(self) -> bool:
        """Whether the model looks at pictures."""
        return can(self.shown, "vision")

    def ask(self, text: str) -> None:
        """Send the text, print the answer and keep both; Ctrl-C keeps what came so far.

        Raises Refused, NoServer, or CommandFailed for a bad picture, and forgets the question.
        """
        question: dict[str, Any] = {"role": "user", "content": text}
        if self.sees:
            question["content"], pictures = take_pictures(text)
            if pictures:
                question["images"] = pictures
        asked = [*self.messages, question]
        body = self.options.body(self.model) | {"messages": asked, "stream": True}
        with waiting() as sign:
            wrap, hide = self.options.wrap, self.options.hide_thinking
            printer = AnswerPrinter(sign, wrap=wrap, hide_thinking=hide)
            whole = stream_answer(self.server, "/api/chat", body, printer)
        print("\n")
        self.messages = [*asked, _said(printer)] if whole or printer.content else asked
        if whole and self.options.verbose:
            sys.stderr.write(timings(printer.last))

    def load(self, model: str) -> None:
        """Go on with another model and an empty conversation; raises Refused, nothing changed."""
        shown = self.server.post("/api/show", {"model": model})
        options = self.options
        if not self.think_is_set:
            options = replace(options, think=True if can(shown, "thinking") else None)
        load(self.server, model, options)
        self.model, self.shown, self.options = model, shown, options
        self.messages = []

    def save(self, name: str) -> None:
        """Make a model of the conversation and of all that was set; raises Refused."""
        made = {
            "system": self.system,
            "template": self.template,
            "parameters": self.options.options,
            "messages": self.messages,
        }
        body: dict[str, Any] = {"model": name, "from": self.model, "stream": True}
        body |= {key: value for key, value in made.items() if value}
        for _ in self.server.stream("/api/create", body):
            pass

    def clear(self) -> None:
        """Forget what was said, but not the system message that was set."""
        self.messages = []
        if self.system:
            self.messages.append({"role": "system", "content": self.system})

    def set_system(self, text: str) -> None:
        """Set the system message from here on."""
        self.system = text
        if self.messages and self.messages[-1]["role"] == "system":
            self.messages.pop()
        self.messages.append({"role": "system", "content": text})


def _said(printer: AnswerPrinter) -> dict[str, Any]:
    said = {"role": "assistant", "content": printer.content}
    return said | {"thinking": printer.thinking} if printer.thinking else said
