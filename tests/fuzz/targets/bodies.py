"""Any body, posted to any route, gets a well-formed answer or error, and leaves no lease behind.

The whole application runs in this process, over fake runners and a store of tiny models. That no
registry is reached (pull, push, create from an absent model) is an error like any other.
"""

import asyncio
import base64
import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import httpx
from hypothesis import strategies as st

from backend.engine.fake_runner import FakeRunner, Script
from backend.main import create_app
from backend.models import manifests
from backend.models.manifests import Layer
from backend.models.store import ModelStore
from backend.settings import BackendSettings
from tests.backend.answers.test_pictures import picture
from tests.backend.gguf_files import TINY, gguf_bytes, write_gguf
from tests.fuzz.mutations import JSON, NUMBERS, near

JSON_ROUTES = ("/api/generate", "/api/chat", "/api/embed", "/api/embeddings", "/api/show",
               "/api/copy", "/api/delete", "/api/create", "/api/pull", "/api/push", "/api/tokenize",
               "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses",
               "/v1/messages", "/v1/audio/transcriptions", "/api/me")  # fmt: skip
_FOLDER = Path(tempfile.mkdtemp())
_STORE = ModelStore(_FOLDER / "models")
_SCRIPT = Script(reply='<think>so</think>{"name": "f", "arguments": {"a": 1}} one two')
_CHATML = ("{{ range .Messages }}{{ .Role }}{{ .Content }}{{ if .Thinking }}<think>{{ .Thinking }}"
           "</think>{{ end }}{{ .ToolCalls }}{{ end }}{{ .Tools }}")  # fmt: skip


def _fill() -> str:
    _STORE.add("tiny", write_gguf(_FOLDER / "tiny.gguf"))
    bare = {key: value for key, value in TINY.items() if key != "tokenizer.chat_template"}
    _STORE.add("plain", write_gguf(_FOLDER / "plain.gguf", bare), params={"stop": ["x"]})
    _STORE.add("go", write_gguf(_FOLDER / "go.gguf", {**bare, "general.name": "go"}),
               template=_CHATML)  # fmt: skip
    _STORE.add("embedder", write_gguf(_FOLDER / "e.gguf", {**bare, "llama.pooling_type": 1}))
    made = _STORE.add("seeing", write_gguf(_FOLDER / "s.gguf", {**TINY, "general.name": "s"}))
    eyes = write_gguf(_FOLDER / "eyes.gguf", {**TINY, "general.architecture": "clip"})
    layers = [
        *made.layers, Layer.of("projector", _STORE.blobs.add_file(eyes), eyes.stat().st_size)
    ]  # fmt: skip
    config = _STORE.add_config(made.config, layers)
    _STORE.manifests.write(made.name, manifests.build(config, layers))
    return _STORE.blobs.add_bytes(gguf_bytes(data=1024))


_DIGEST = _fill()
_IMAGE = base64.b64encode(picture()).decode()
_APP = create_app(
    BackendSettings(models=_STORE.folder, host="127.0.0.1:0", bundled_models=_FOLDER / "none"),
    lambda spec: FakeRunner(spec, _SCRIPT),
)
_LOOP = asyncio.new_event_loop()
logging.getLogger("asyncio").disabled = True

_names = st.sampled_from(["tiny", "plain", "go", "embedder", "seeing", "TINY:latest", "absent", "",
                          "127.0.0.1:1/a/b", "tiny:cloud", "a/../b", "new", "http://x/y/z",
                          "h" * 300 + "/a/b"])  # fmt: skip
_call = st.fixed_dictionaries({}, optional={
    "id": st.text(max_size=3) | JSON, "type": JSON,
    "function": st.fixed_dictionaries({}, optional={
        "name": st.just("f") | JSON, "arguments": st.just('{"a":1}') | JSON, "index": JSON}) | JSON,
})  # fmt: skip
_part = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "input_text", "tool_use", "tool_result", "image",
                              "thinking", "input_image", "function_call", "message", "reasoning",
                              "function_call_output"]) | JSON},
    optional={"text": JSON, "image_url": st.just({"url": f"data:image/png;base64,{_IMAGE}"}) | JSON,
              "id": JSON, "name": JSON, "input": JSON, "content": JSON, "source": JSON,
              "tool_use_id": JSON, "call_id": JSON, "output": JSON, "arguments": JSON,
              "role": JSON, "summary": JSON},
)  # fmt: skip
_sound_message = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "assistant", "tool", "developer"]),
     "content": st.text(max_size=9)},
    optional={"images": st.just([_IMAGE]), "thinking": st.text(max_size=5),
              "tool_calls": st.just([{"id": "a", "function": {"name": "f", "arguments": {}}}]),
              "tool_name": st.just("f"), "tool_call_id": st.just("a")},
)  # fmt: skip
_odd_message = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool"]) | JSON},
    optional={"content": st.lists(_part, max_size=3) | JSON, "images": JSON, "thinking": JSON,
              "tool_calls": st.lists(_call, max_size=2) | JSON, "tool_name": JSON,
              "tool_call_id": JSON, "name": JSON},
)  # fmt: skip
_message = _sound_message | _sound_message | _sound_message | _odd_message
_tool = st.fixed_dictionaries({}, optional={
    "type": st.just("function"),
    "function": st.fixed_dictionaries({}, optional={
        "name": st.just("f"), "description": st.just("d") | JSON, "parameters": JSON}) | JSON,
    "name": st.just("f") | JSON, "input_schema": JSON, "parameters": JSON,
})  # fmt: skip
_option = st.sampled_from(NUMBERS) | st.floats(allow_nan=False, allow_infinity=False) | JSON
_options = st.dictionaries(
    st.sampled_from(["num_ctx", "num_batch", "num_predict", "num_keep", "seed", "stop", "top_k",
                     "temperature", "num_thread", "num_gpu", "repeat_last_n", "use_mmap", "x"]),
    _option, max_size=4)  # fmt: skip
_format = st.sampled_from(["json", "", "xml"]) | st.fixed_dictionaries(
    {}, optional={"type": st.just("object") | JSON, "properties": JSON, "enum": JSON, "anyOf": JSON}
)
_flag = st.booleans() | JSON
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "prompt": st.text(max_size=20), "suffix": st.text(max_size=4), "system": st.text(max_size=5),
    "template": st.sampled_from([_CHATML, "{{ .Prompt }}", "{{ if"]),
    "context": st.lists(st.integers(-2, 9), max_size=3), "raw": _flag, "stream": _flag,
    "images": st.just([_IMAGE]), "think": _flag | st.just("low"), "truncate": _flag,
    "shift": _flag, "keep_alive": st.sampled_from(["1s", "-1", 0, 1e300]),
    "logprobs": _flag, "top_logprobs": st.integers(-1, 22), "options": _options,
    "format": _format, "_debug_render_only": _flag,
    "messages": st.lists(_message, max_size=4), "tools": st.lists(_tool, max_size=2),
    "input": st.text(max_size=9) | st.lists(st.text(max_size=4) | _part, max_size=3),
    "dimensions": st.integers(-1, 5), "content": st.text(max_size=9),
    "add_special": _flag, "source": _names, "destination": _names, "from": _names,
    "files": st.just({"a.gguf": _DIGEST}) | st.dictionaries(st.text(max_size=5), JSON, max_size=2),
    "adapters": st.just({"a": _DIGEST}), "parameters": _options, "license": JSON,
    "quantize": st.sampled_from(["q4_0", "x"]), "requires": JSON, "info": JSON,
    "capabilities": JSON, "name": _names, "insecure": _flag, "verbose": _flag,
    "max_tokens": st.integers(-1, 9), "max_output_tokens": JSON, "instructions": JSON,
    "stop": JSON, "response_format": st.fixed_dictionaries(
        {"type": st.sampled_from(["json_object", "json_schema", "text"])},
        optional={"json_schema": st.fixed_dictionaries({"schema": _format})}),
    "stream_options": JSON, "encoding_format": st.just("base64"), "reasoning": JSON,
    "reasoning_effort": JSON, "thinking": JSON, "tool_choice": JSON, "stop_sequences": JSON,
    "text": JSON, "output_config": JSON,
}  # fmt: skip


def _field(name: str) -> st.SearchStrategy[tuple[str, Any]]:
    sound = _FIELDS[name]
    return st.tuples(st.just(name), sound | sound | sound | JSON)


_fields = st.lists(st.sampled_from(sorted(_FIELDS)).flatmap(_field), max_size=6).map(dict)
_asked = {
    "model": _names,
    "prompt": st.text(max_size=9),
    "input": st.text(max_size=9),
    "messages": st.lists(_message, min_size=1, max_size=3),
    "max_tokens": st.just(5),
    "from": _names,
    "source": _names,
    "destination": _names,
}
_body = st.builds(
    lambda asked, fields: json.dumps(asked | fields).encode(),
    st.fixed_dictionaries(_asked),
    _fields,
)
_SOUND = [
    json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "x"}]}).encode(),
    json.dumps({"model": "plain", "prompt": "x", "options": {"num_ctx": 9}}).encode(),
    b'{"model":"go","input":["a","b"],"MODEL":"tiny","prompt":"\\ud800"}',
]
CASES = st.tuples(st.sampled_from(JSON_ROUTES), _body | _body | near(_SOUND))


def check(case: tuple[str, bytes]) -> None:
    """Post it and look at all that came."""
    _LOOP.run_until_complete(_posted(*case))


async def _posted(path: str, body: bytes) -> None:
    transport = httpx.ASGITransport(_APP)
    method = "DELETE" if path == "/api/delete" else "POST"
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        response = await client.request(method, path, content=body)
    _judge(path, response)
    pool = _APP.state.backend.pool
    assert _SCRIPT.running == 0, "a completion still runs"
    assert all(entry.leases == 0 for entry in pool._entries.values()), "a lease was not given back"
    _SCRIPT.requests.clear()
    if path in ("/api/delete", "/api/create", "/api/copy"):
        _fill()


def _judge(path: str, response: httpx.Response) -> None:
    text = response.text
    assert "internal server error" not in text, text[:500]
    kind = response.headers.get("content-type", "").partition(";")[0]
    assert response.status_code in (200, 400, 401, 403, 404, 500), (
        response.status_code,
        text[:300],
    )
    if kind == "text/event-stream":
        events = [line.removeprefix("data: ") for line in text.splitlines() if line[:5] == "data:"]
        assert all(json.loads(event) for event in events if event != "[DONE]")
        return
    if kind == "application/x-ndjson":
        lines = [json.loads(line) for line in text.splitlines()]
        assert lines
        assert not any("error" in line for line in lines[:-1])
        return
    value = json.loads(text) if text else {}
    if response.status_code == 200:
        assert "error" not in value or path == "/v1/responses"
    elif path.startswith("/v1/"):
        assert isinstance(value["error"]["message"], str)
    else:
        assert list(value) == ["error"]
        assert isinstance(value["error"], str)
