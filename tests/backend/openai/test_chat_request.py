import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.answers.requests import ChatRequest, parse
from backend.errors import BadRequest
from backend.openai.chat_request import ChatCompletionRequest, chat_request, ollama_format

HELLO = [{"role": "user", "content": "hello"}]
PIXEL = "iVBORw0KGgo="


def translated(**body: Any) -> ChatRequest:
    body = {"model": "m", "messages": HELLO, **body}
    return chat_request(parse(ChatCompletionRequest, body))


def sent(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    asked = translated(messages=list(messages))
    return [message.model_dump(exclude_none=True) for message in asked.messages]


def test_the_defaults_are_those_of_openai() -> None:
    assert translated().options == {"temperature": 1.0, "top_p": 1.0}
    assert translated().stream is False
    assert translated().think is None


def test_what_is_given_becomes_an_option() -> None:
    given = {
        "max_tokens": 5,
        "seed": 3,
        "temperature": 0,
        "top_p": 0.5,
        "frequency_penalty": 0.1,
        "presence_penalty": -0.1,
    }
    expected = {**given, "num_predict": given.pop("max_tokens")}
    del expected["max_tokens"]
    assert translated(**given, max_tokens=5).options == expected


def test_the_newer_name_of_max_tokens_wins() -> None:
    assert translated(max_tokens=9, max_completion_tokens=4).options["num_predict"] == 4


@pytest.mark.parametrize(("stop", "expected"), [("a", ["a"]), (["a", "b"], ["a", "b"])])
def test_stop_is_a_text_or_a_list(stop: Any, expected: list[str]) -> None:
    assert translated(stop=stop).options["stop"] == expected


@pytest.mark.parametrize(
    ("effort", "think"),
    [
        ("none", False),
        ("minimal", "low"),
        ("low", "low"),
        ("medium", "medium"),
        ("high", "high"),
        ("xhigh", "max"),
        ("ultra", "max"),
        ("max", "max"),
    ],
)
def test_reasoning_effort_becomes_think(effort: str, think: bool | str) -> None:
    assert translated(reasoning_effort=effort).think == think
    assert translated(reasoning={"effort": effort}).think == think


def test_an_unknown_effort_is_refused() -> None:
    with pytest.raises(BadRequest, match="invalid reasoning value: 'much'"):
        translated(reasoning_effort="much")


def test_no_messages_are_too_few() -> None:
    with pytest.raises(BadRequest, match=r"\[\] is too short - 'messages'"):
        translated(messages=[])


def test_formats() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert ollama_format(None) == ollama_format({"type": "text"}) == ""
    assert ollama_format({"type": "json_object"}) == "json"
    wrapped = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert ollama_format(wrapped) == translated(response_format=wrapped).format == schema


@pytest.mark.parametrize(
    "asked",
    [
        {"type": "json_schema"},
        {"type": "json_schema", "json_schema": {"schema": "no"}},
        {"type": "grammar"},
    ],
)
def test_a_format_that_cannot_be_followed_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="invalid response_format"):
        ollama_format(asked)


def test_the_developer_is_the_system() -> None:
    assert sent({"role": "developer", "content": "be kind"})[0]["role"] == "system"


def test_parts_become_one_message() -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    parts = [{"type": "text", "text": "what is"}, image, {"type": "text", "text": "this?"}]
    assert sent({"role": "user", "content": parts}) == [
        {"role": "user", "content": "what is\n\nthis?", "images": [base64.b64decode(PIXEL)]}
    ]


def test_an_image_may_stand_alone_as_a_text() -> None:
    bare = {"type": "image_url", "image_url": f"data:;base64,{PIXEL}"}
    assert sent({"role": "user", "content": [bare]})[0]["images"] == [base64.b64decode(PIXEL)]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/cat.png",
        "data:image/gif;base64,AA==",
        "data:text/plain,x",
        "",
        "file:///x",
    ],
)
def test_only_data_uris_of_known_images_are_read(url: str) -> None:
    with pytest.raises(BadRequest, match="invalid image input"):
        sent({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]})


@pytest.mark.parametrize(
    "content",
    [
        None,
        3,
        ["bare"],
        [{"type": "text"}],
        [{"type": "video"}],
        [{"type": "image_url"}],
        [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}],
    ],
)
def test_content_of_another_kind_is_refused(content: Any) -> None:
    with pytest.raises(BadRequest):
        sent({"role": "user", "content": content})


def test_tool_calls_and_their_results_come_back_in() -> None:
    asked = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "add", "arguments": '{"a":1,"b":[2]}'},
            }
        ],
    }
    answered = {"role": "tool", "tool_call_id": "call_1", "content": "3"}
    function = {"index": 0, "name": "add", "arguments": {"a": 1, "b": [2]}}
    calls = [{"id": "call_1", "function": function}]
    told, result = sent(asked, answered)
    assert told == {"role": "assistant", "content": "", "tool_calls": calls}
    result_fields = {"tool_call_id": "call_1", "tool_name": "add"}
    assert result == {"role": "tool", "content": "3", **result_fields}


@pytest.mark.parametrize("arguments", ["{", "[1]", "3", 3])
def test_arguments_that_are_no_object_are_refused(arguments: Any) -> None:
    call = {"id": "1", "function": {"name": "add", "arguments": arguments}}
    with pytest.raises(BadRequest, match="invalid tool call arguments"):
        sent({"role": "assistant", "tool_calls": [call]})


@pytest.mark.parametrize("calls", ["x", ["x"], [{}], [{"function": {"arguments": "{}"}}]])
def test_calls_that_are_no_calls_are_refused(calls: Any) -> None:
    with pytest.raises(BadRequest):
        sent({"role": "assistant", "tool_calls": calls})


def test_no_arguments_are_an_empty_object() -> None:
    call = {"id": "1", "function": {"name": "now", "arguments": ""}}
    told = sent({"role": "assistant", "content": "", "tool_calls": [call]})[0]
    assert told["tool_calls"][0]["function"]["arguments"] == {}


def test_earlier_reasoning_goes_back_in() -> None:
    told = sent({"role": "assistant", "content": "x", "reasoning": "because"})[0]
    assert told["thinking"] == "because"


def test_a_tool_choice_of_none_hides_the_tools() -> None:
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    assert len(translated(tools=[tool]).tools) == 1
    assert translated(tools=[tool], tool_choice="none").tools == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = [*ChatCompletionRequest.model_fields, "role", "content", "tool_calls", "type", "function"]


@given(
    body=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6),
    messages=st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5), max_size=3),
)
def test_any_json_is_a_request_or_a_typed_error(
    body: dict[str, Any], messages: list[dict[str, Any]]
) -> None:
    body = {key: value for key, value in body.items() if value is not None}
    try:
        asked = chat_request(parse(ChatCompletionRequest, {**body, "messages": messages}))
    except BadRequest:
        return
    assert len(asked.messages) == len(messages)
