"""Routes whose errors have OpenAI's shape instead of problem+json."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from app.error_handlers import FAMILIES, problem
from app.openai_shape import error_json


class OpenAIRoute(APIRoute):
    """Hang on a router with `route_class=`; statuses and codes are those of the one table."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the route's own handler."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                found = [f"{_field(item['loc'])}: {item['msg']}" for item in error.errors()]
                return JSONResponse(error_json(400, "invalid_request", "; ".join(found)), 400)
            except FAMILIES as error:
                return openai_error(error)

        return handled


def openai_error(error: Exception) -> JSONResponse:
    """Return the response for an error of one of the rooms."""
    status, body = problem(error)
    return JSONResponse(error_json(status, body["code"], body["detail"]), status)


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location if part != "body") or "body"
