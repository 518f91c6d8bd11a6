"""POST /v1/query: a question, its answer, whole or as it comes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter, Request, Response

from app.answering.events import Answered, Event
from app.answering.records import Answer
from app.deps import AnswererDep
from app.disconnect import ClientGone, until_disconnect
from app.question_shape import QueryRequest, server_event
from app.sse import ServerEvent, event_stream

router = APIRouter(prefix="/v1", tags=["answers"])

CLIENT_CLOSED_REQUEST = 499
"""nginx's code for a client that left; nobody reads it but the access log."""


@router.post("/query", response_model=Answer)
async def query(body: QueryRequest, request: Request, answerer: AnswererDep) -> Answer | Response:
    """Answer a question from a collection's documents; every sentence cited and checked.

    With `stream`: server-sent events `sources`, `token`, `sentence`, `answer` (last), `error`.
    """
    events = answerer.answer(body.as_question())
    if body.stream:
        return await event_stream(_served(events))
    try:
        return await until_disconnect(request, last_answer(events))
    except ClientGone:
        return Response(status_code=CLIENT_CLOSED_REQUEST)


async def last_answer(events: AsyncGenerator[Event, None]) -> Answer:
    """Return the answer at the end of the events."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Answered):
                return event.answer
    raise AssertionError("the events ended without an answer")


async def _served(events: AsyncGenerator[Event, None]) -> AsyncGenerator[ServerEvent, None]:
    async with aclosing(events):
        async for event in events:
            yield server_event(event)
