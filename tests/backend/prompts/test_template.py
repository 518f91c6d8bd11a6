"""The subset of Go templates that is rendered, and the refusal of the rest."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest

from backend.engine.fake_runner import Script
from backend.errors import UnsupportedTemplate
from backend.models.store import ModelStore
from backend.prompts.go_template import Template, render_conversation
from tests.backend.conftest import backend_settings, client_for
from tests.backend.gguf_files import write_gguf

CHATML = (
    "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}"
    "{{ if .Prompt }}<|im_start|>user\n{{ .Prompt }}<|im_end|>\n{{ end }}"
    "<|im_start|>assistant\n{{ .Response }}<|im_end|>\n"
)


def said(*pairs: tuple[str, str]) -> list[Mapping[str, str]]:
    return [{"role": role, "content": content} for role, content in pairs]


def test_a_conversation_ends_where_the_reply_begins() -> None:
    text = render_conversation(
        Template(CHATML), said(("system", "S"), ("user", "a"), ("assistant", "b"), ("user", "c"))
    )
    assert text == (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n"
        "<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_last_assistant_message_is_continued() -> None:
    text = render_conversation(Template(CHATML), said(("user", "a"), ("assistant", "b")))
    assert text.endswith("<|im_start|>assistant\nb")


def test_messages_of_one_role_are_one() -> None:
    assert render_conversation(Template("{{ .Prompt }}"), said(("user", "a"), ("user", "b"))) == (
        "a\n\nb"
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [("a {{- .Prompt -}} b", "apb"), ("{{ if .System }}x{{ else }}y{{ end }}", "y"),
     ("{{/* note */}}z", "z"), ("", ""), ("{{.Prompt}}{{ .Response }}{{ .Prompt }}", "p")],
)  # fmt: skip
def test_actions(source: str, text: str) -> None:
    assert Template(source).render({"Prompt": "p"}, until_response=True) == text


@pytest.mark.parametrize(
    "source",
    ["{{ range .Messages }}{{ end }}", "{{ .Prompt.replace }}", "{{ if .A }}", "{{ end }}",
     "{{ json .Tools }}", "{{ $x }}", "{{ if and .A .B }}{{ end }}", "{{ else }}",
     "{{ if .A }}{{ else if .B }}{{ end }}", "{{ .System | len }}", "{{ .Messages.0 }}", "{{ }}"],
)  # fmt: skip
def test_more_than_the_subset_is_refused(source: str) -> None:
    with pytest.raises(UnsupportedTemplate):
        Template(source)


@pytest.fixture
async def echo(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A model `m` with a template and a system text; its answer is the prompt itself."""
    store = ModelStore(tmp_path / "models")
    store.add("m", write_gguf(tmp_path / "m.gguf"), template=CHATML, system="Own.")
    async with client_for(backend_settings(store), Script()) as client:
        yield client


X = "<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n"
OWN = f"<|im_start|>system\nOwn.<|im_end|>\n{X}"


@pytest.mark.parametrize(
    ("body", "prompt"),
    [
        ({}, OWN),
        ({"template": ""}, OWN),
        ({"system": ""}, X),
        ({"system": "S", "template": "<{{ .System }}>{{ .Prompt }}:"}, "<S>x:"),
        ({"raw": True}, "x"),
    ],
)
async def test_system_and_template_of_a_request_replace_the_models(
    echo: httpx.AsyncClient, body: dict[str, object], prompt: str
) -> None:
    asked = {"model": "m", "prompt": "x", "stream": False, **body}
    assert (await echo.post("/api/generate", json=asked)).json()["response"] == prompt


async def test_a_chat_is_written_by_the_template_and_not_by_the_files_jinja(
    echo: httpx.AsyncClient,
) -> None:
    body = {"model": "m", "messages": said(("SYSTEM", "S"), ("user", "a")), "stream": False}
    text = (await echo.post("/api/chat", json=body)).json()["message"]["content"]
    assert text.startswith("<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na")
