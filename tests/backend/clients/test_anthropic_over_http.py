"""Anthropic's API as its clients speak it, over plain HTTP."""

import json
from typing import Any

import httpx
import pytest

from tests.backend.clients.conftest import Live, user

HELLO = {"model": "tiny", "max_tokens": 20, "messages": user("hello")}
HEADERS = {"x-api-key": "x", "anthropic-version": "2023-06-01"}
TOOL = {"name": "add", "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}}}
CALL = '<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>'


def ask(live: Live, **body: Any) -> httpx.Response:
    return httpx.post(f"{live.url}/v1/messages", json={**HELLO, **body}, headers=HEADERS)


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.headers["content-type"] == "text/event-stream"
    found = []
    for block in answer.text.split("\n\n")[:-1]:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        found.append(event)
    return found


def test_a_message(live: Live) -> None:
    answer = ask(live, system="be kind").json()
    assert (answer["type"], answer["role"], answer["model"]) == ("message", "assistant", "tiny")
    assert answer["content"] == [{"type": "text", "text": "one two three"}]
    assert answer["stop_reason"] == "end_turn"
    assert answer["usage"]["output_tokens"] == 3
    assert ask(live, max_tokens=1).json()["stop_reason"] == "max_tokens"


def test_a_stream(live: Live) -> None:
    found = events(ask(live, stream=True))
    assert found[0]["type"] == "message_start"
    assert found[-1] == {"type": "message_stop"}
    deltas = [one["delta"] for one in found if one["type"] == "content_block_delta"]
    assert "".join(delta["text"] for delta in deltas) == "one two three"


def test_tools_there_and_back(live: Live) -> None:
    live.script.reply = CALL
    answer = ask(live, model="thinker", tools=[TOOL]).json()
    assert answer["stop_reason"] == "tool_use"
    use = answer["content"][0]
    assert (use["type"], use["name"], use["input"]) == ("tool_use", "add", {"a": 1})
    streamed = events(ask(live, model="thinker", tools=[TOOL], stream=True))
    assert streamed[-2]["delta"]["stop_reason"] == "tool_use"
    live.script.reply = None
    result = {"type": "tool_result", "tool_use_id": use["id"], "content": "it is 1"}
    said = [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    told = ask(live, model="thinker", tools=[TOOL], messages=[*user("1?"), *said]).json()
    assert "it is 1" in told["content"][0]["text"]


def test_thinking(live: Live) -> None:
    live.script.reply = "<think>let me see</think>the answer"
    answer = ask(live, model="thinker", thinking={"type": "enabled", "budget_tokens": 5}).json()
    assert [block["type"] for block in answer["content"]] == ["thinking", "text"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"model": "absent"}, 404, "not_found_error"),
        ({"model": ""}, 400, "invalid_request_error"),
        ({"max_tokens": 0}, 400, "invalid_request_error"),
        ({"messages": []}, 400, "invalid_request_error"),
        ({"messages": "x"}, 400, "invalid_request_error"),
        ({"model": "plain", "tools": [TOOL]}, 400, "invalid_request_error"),
    ],
)
def test_errors(live: Live, body: dict[str, Any], status: int, kind: str) -> None:
    answer = ask(live, **body)
    assert answer.status_code == status
    error = answer.json()
    assert (error["type"], error["error"]["type"]) == ("error", kind)
    assert error["error"]["message"]


def test_a_stream_that_breaks_off(live: Live) -> None:
    live.script.crash_after = 1
    last = events(ask(live, stream=True))[-1]
    assert (last["type"], last["error"]["type"]) == ("error", "api_error")
    assert "unexpectedly stopped" in last["error"]["message"]
