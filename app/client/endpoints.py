"""The named calls of both clients, each a descriptor over the table of requests.

On `Client` an endpoint is a plain function, on `AsyncClient` a coroutine function, with
the arguments of its row in `calls.py`; so no call is written twice, and both are typed.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from app.client import calls
from app.client.calls import Call
from app.client.records import Event

if TYPE_CHECKING:
    from app.client.transport import AsyncClient, Client

P = ParamSpec("P")
T = TypeVar("T")


class Endpoint(Generic[P, T]):
    """A call that answers once."""

    def __init__(self, build: Callable[P, Call[T]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, client: "Client", owner: Any) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: "AsyncClient", owner: Any) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, client: Any, owner: Any) -> Callable[P, Any]:
        """Bind to a client."""

        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.send(self._build(*args, **kwargs))

        return call


class Stream(Generic[P]):
    """A call that answers with server-sent events."""

    def __init__(self, build: Callable[P, Call[Event]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(
        self, client: "Client", owner: Any
    ) -> Callable[P, Generator[Event, None, None]]: ...
    @overload
    def __get__(
        self, client: "AsyncClient", owner: Any
    ) -> Callable[P, AsyncGenerator[Event, None]]: ...
    def __get__(self, client: Any, owner: Any) -> Callable[P, Any]:
        """Bind to a client."""

        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.follow(self._build(*args, **kwargs))

        return call


class Endpoints:
    """Every call of the native API."""

    collections = Endpoint(calls.collections)
    collection = Endpoint(calls.collection)
    create_collection = Endpoint(calls.create_collection)
    delete_collection = Endpoint(calls.delete_collection)

    upload = Endpoint(calls.upload)
    add_text = Endpoint(calls.add_text)
    add_url = Endpoint(calls.add_url)
    documents = Endpoint(calls.documents)
    document = Endpoint(calls.document)
    delete_document = Endpoint(calls.delete_document)
    document_chunks = Endpoint(calls.document_chunks)

    jobs = Endpoint(calls.jobs)
    job = Endpoint(calls.job)
    cancel_job = Endpoint(calls.cancel_job)
    job_events = Stream(calls.job_events)

    search = Endpoint(calls.search)
    query = Endpoint(calls.query)
    query_events = Stream(calls.query_events)
    models = Endpoint(calls.models)

    eval_runs = Endpoint(calls.eval_runs)
    eval_run = Endpoint(calls.eval_run)
    start_eval = Endpoint(calls.start_eval)

    health = Endpoint(calls.health)
    ready = Endpoint(calls.ready)
    info = Endpoint(calls.info)
    doctor = Endpoint(calls.doctor)
    doctor_fix = Endpoint(calls.doctor_fix)
