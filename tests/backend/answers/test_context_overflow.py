"""Prompts longer than the context: what is dropped, what is cut, what is refused."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.engine.fake_runner import Script
from backend.errors import ContextExceeded
from backend.prompts.fit import fitted
from backend.settings import BackendSettings
from tests.backend.conftest import client_for

ROOM = 63  # the tiny models were trained for 64 tokens, and one is for the reply
SIZES = st.integers(1, 300)


@pytest.fixture
def script() -> Script:
    return Script()  # answers with the prompt itself


@pytest.fixture
async def echo(settings: BackendSettings, script: Script) -> AsyncIterator[httpx.AsyncClient]:
    async with client_for(settings, script) as client:
        yield client


@settings(deadline=None)
@given(count=SIZES, room=SIZES, keep=st.integers(-5, 400))
def test_a_cut_keeps_the_head_and_the_tail_and_frees_half_of_the_rest(
    count: int, room: int, keep: int
) -> None:
    tokens = list(range(count))
    cut = list(fitted(tokens, room, keep, truncate=True, shift=True))
    if count <= room:
        assert cut == tokens
        return
    head = min(max(keep, 0), room)
    window = room + 1
    assert len(cut) == window - max((window - head) // 2, 1) <= room
    assert cut[:head] == tokens[:head]
    assert cut[head:] == tokens[count - len(cut) + head :]


@settings(deadline=None)
@given(count=SIZES, room=SIZES, flags=st.sampled_from([(True, False), (False, True), (False,) * 2]))
def test_without_leave_to_cut_it_fits_or_is_refused(
    count: int, room: int, flags: tuple[bool, bool]
) -> None:
    truncate, shift = flags
    if count <= room:
        assert len(fitted(range(count), room, 4, truncate=truncate, shift=shift)) == count
        return
    with pytest.raises(ContextExceeded, match=rf"{count} tokens, room for {room}"):
        fitted(range(count), room, 4, truncate=truncate, shift=shift)


async def said(client: httpx.AsyncClient, messages: list[dict[str, str]], **more: Any) -> str:
    body = {"model": "tiny", "messages": messages, "stream": False, **more}
    response = await client.post("/api/chat", json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["message"]["content"])


def message(role: str, name: str, words: int) -> dict[str, str]:
    return {"role": role, "content": " ".join([name] * words)}


async def test_the_oldest_go_first_and_only_as_many_as_must(echo: httpx.AsyncClient) -> None:
    talk = [message("user", f"m{i}", 9) for i in range(6)]  # 6 × 10 tokens and the closing one
    assert "m0" in await said(echo, talk)
    longer = [*talk, message("user", "last", 9)]
    text = await said(echo, longer)
    assert [f"m{i}" in text for i in range(6)] == [False] + [True] * 5
    assert "last" in text


async def test_a_system_message_in_the_middle_stays(echo: httpx.AsyncClient) -> None:
    talk = [message("user", "first", 30), message("system", "rules", 5),
            message("assistant", "reply", 30), message("user", "last", 5)]  # fmt: skip
    text = await said(echo, talk)
    assert "first" not in text
    assert text.index("rules") < text.index("last")


async def test_a_last_message_that_alone_is_too_long_is_cut_or_refused(
    echo: httpx.AsyncClient, script: Script
) -> None:
    talk = [message("user", "old", 5), message("user", "long", 200)]
    await said(echo, talk)
    assert len(script.requests[-1].prompt) == 34  # 4 kept, and half of the other 60 free
    body = {"model": "tiny", "messages": talk}
    for field in ("shift", "truncate"):
        response = await echo.post("/api/chat", json={**body, field: False})
        assert response.status_code == 400
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert response.json()["error"].startswith("the prompt is longer than the context length")


async def test_without_shift_messages_may_still_be_dropped(echo: httpx.AsyncClient) -> None:
    talk = [message("user", "old", 60), message("user", "new", 10)]
    text = await said(echo, talk, shift=False)
    assert "old" not in text
    assert "new" in text


@pytest.mark.parametrize(("keep", "kept"), [(0, 0), (10, 10), (-1, ROOM), (1000, ROOM)])
async def test_num_keep_says_how_much_of_the_beginning_stays(
    echo: httpx.AsyncClient, script: Script, keep: int, kept: int
) -> None:
    prompt = " ".join(f"w{i}" for i in range(100))
    body = {"model": "plain", "prompt": prompt, "raw": True, "stream": False,
            "options": {"num_keep": keep}}  # fmt: skip
    assert (await echo.post("/api/generate", json=body)).status_code == 200
    cut = script.requests[-1].prompt
    assert cut[:kept] == tuple(range(kept))
    if kept < ROOM:
        assert (cut[kept] > kept, cut[-1]) == (True, 99)


async def test_a_context_given_back_counts_as_prompt(
    echo: httpx.AsyncClient, script: Script
) -> None:
    body: dict[str, Any] = {
        "model": "plain",
        "prompt": " " + " ".join("abcdefghij" * 3),
        "stream": False,
    }
    context = (await echo.post("/api/generate", json=body)).json()["context"]
    refused = await echo.post("/api/generate", json={**body, "context": context, "shift": False})
    assert refused.status_code == 400
    assert "90 tokens, room for 63" in refused.json()["error"]
