"""Writes prompts by the Jinja chat template that a GGUF file carries.

The environment is the one that those templates are written for (Hugging Face's): blocks trimmed,
`tojson`, `raise_exception`, `strftime_now`, loop controls. It is sandboxed, as a template comes
from whoever made the model.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment


class ChatTemplate:
    """A parsed template with the model's own BOS and EOS texts."""

    def __init__(self, source: str, bos: str, eos: str, *, adds_bos: bool) -> None:
        """Parse; `adds_bos` says that tokenising puts BOS in front, so that no prompt should."""
        self._bos, self._eos, self._adds_bos = bos, eos, adds_bos
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.loopcontrols"],
            autoescape=False,  # a prompt is no HTML
        )
        environment.filters["tojson"] = _to_json
        environment.globals |= {"raise_exception": _refuse, "strftime_now": _now}
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise ValueError(f"the model's chat template is not valid Jinja: {error}") from error

    def render(self, conversation: Mapping[str, Any]) -> str:
        """The prompt for `messages`, `tools` and `chat_template_kwargs` as llama.cpp takes them.

        A last message of the assistant is continued. Raises ValueError with the template's reason.
        """
        messages = [_with_objects(message) for message in conversation["messages"]]
        begun = ""
        if messages and messages[-1].get("role") == "assistant":
            begun = str(messages.pop().get("content") or "")
        try:
            prompt = self._template.render(
                messages=messages,
                tools=conversation.get("tools") or None,
                add_generation_prompt=True,
                bos_token=self._bos,
                eos_token=self._eos,
                **conversation.get("chat_template_kwargs", {}),
            )
        except (TemplateError, TypeError, ArithmeticError, LookupError) as error:
            raise ValueError(f"the model's chat template failed: {error}") from error
        return (prompt.removeprefix(self._bos) if self._adds_bos else prompt) + begun


class NoTemplate:
    """Stands for the chat template of a model that has none."""

    def render(self, conversation: Mapping[str, Any]) -> str:
        """Raise ValueError: there is nothing to render by."""
        raise ValueError("the model has no chat template")


def _with_objects(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message with the arguments of its tool calls as objects, as templates expect them."""
    calls = message.get("tool_calls")
    if not calls:
        return dict(message)
    return {**message, "tool_calls": [_call(call) for call in calls]}


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = dict(call.get("function") or {})
    if isinstance(function.get("arguments"), str):
        with suppress(ValueError):  # else the model's own words, kept as they are
            function["arguments"] = json.loads(function["arguments"])
    return {**call, "function": function}


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)


def _refuse(sentence: str) -> NoReturn:
    raise TemplateError(sentence)
