"""Templates of models and of requests, seen through /api/generate and /api/chat.

The fake runner answers with the words of its prompt, so the answer shows the prompt.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.engine.fake_runner import Script
from backend.models.store import ModelStore
from tests.backend.conftest import backend_settings, client_for
from tests.backend.gguf_files import write_gguf
from tests.backend.prompts.templates import CHATML, QWEN25


@pytest.fixture
async def echo(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Models `m` with a template and a system text, `fill` with a template for gaps."""
    store = ModelStore(tmp_path / "models")
    gguf = write_gguf(tmp_path / "m.gguf")
    store.add("m", gguf, template=CHATML, system="Own.")
    store.add("fill", gguf, template=QWEN25)
    store.add("broken", gguf, template="{{ range .Messages }}")
    async with client_for(backend_settings(store), Script()) as client:
        yield client


async def generated(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await client.post("/api/generate", json={"model": "m", "stream": False, **body})


OWN = "<|im_start|>system\nOwn.<|im_end|>\n<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize(
    ("body", "prompt"),
    [
        ({}, OWN),
        ({"template": ""}, OWN),
        ({"system": ""}, OWN),
        ({"system": "S", "template": "<{{ .System }}>{{ .Prompt }}:"}, "<S>x:"),
        ({"template": "{{ range .Messages }}{{ .Role }};{{ end }}"}, "system;user;"),
        ({"raw": True}, "x"),
        ({"model": "fill", "suffix": "y"}, "<|fim_prefix|>x<|fim_suffix|>y<|fim_middle|>"),
    ],
)
async def test_system_template_and_suffix_of_a_request(
    echo: httpx.AsyncClient, body: dict[str, object], prompt: str
) -> None:
    assert (await generated(echo, prompt="x", **body)).json()["response"] == prompt


@pytest.mark.parametrize(
    "template",
    ["{{ .Prompt", "{{ nothing }}", '{{ template "x" }}', "{{ .Prompt.upper }}", "{{ end }}",
     "{{ range 2000000000 }}{{ end }}", "{{ printf `%99999999d` 1 }}",
     "{{ (index .Messages 0).X }}"],
)  # fmt: skip
async def test_a_template_that_fails_is_an_error_of_the_server(
    echo: httpx.AsyncClient, template: str
) -> None:
    for stream in (False, True):
        answer = await generated(echo, prompt="x", template=template, stream=stream)
        assert answer.status_code == 500
        assert answer.json()["error"].startswith("template error: ")
    assert (await generated(echo, prompt="x", raw=True)).json()["response"] == "x"


async def test_a_stored_template_that_fails_is_told_when_it_is_used(
    echo: httpx.AsyncClient,
) -> None:
    tags = (await echo.get("/api/tags")).json()["models"]
    assert {one["name"] for one in tags} == {"m:latest", "fill:latest", "broken:latest"}
    shown = await echo.post("/api/show", json={"model": "broken"})
    assert shown.json()["template"] == "{{ range .Messages }}"
    messages = [{"role": "user", "content": "x"}]
    chat = await echo.post("/api/chat", json={"model": "broken", "messages": messages})
    assert (chat.status_code, chat.json()["error"][:16]) == (500, "template error: ")


async def test_a_chat_is_written_by_the_template_and_not_by_the_files_jinja(
    echo: httpx.AsyncClient,
) -> None:
    messages = [{"role": "SYSTEM", "content": "S"}, {"role": "user", "content": "a"}]
    body = {"model": "m", "messages": messages, "stream": False}
    text = (await echo.post("/api/chat", json=body)).json()["message"]["content"]
    assert text.startswith("<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na")


async def test_capabilities_follow_the_template(echo: httpx.AsyncClient) -> None:
    shown = [(await echo.post("/api/show", json={"model": name})).json() for name in ("m", "fill")]
    assert [one["capabilities"] for one in shown] == [
        ["completion"],
        ["completion", "tools", "insert"],
    ]
