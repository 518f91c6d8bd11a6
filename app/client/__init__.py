"""Typed clients of a running service, for the command line, the evaluation and programs.

with Client("http://127.0.0.1:8484") as ragstone:
    ragstone.upload("default", [Path("handbook.pdf")])
    print(ragstone.query("How many days of leave are there?")["answer"])
"""

from app.client.calls import QueryOptions
from app.client.errors import ClientError, ServiceError, ServiceUnavailable
from app.client.records import Event
from app.client.transport import DEFAULT_URL, AsyncClient, Client

__all__ = [
    "DEFAULT_URL",
    "AsyncClient",
    "Client",
    "ClientError",
    "Event",
    "QueryOptions",
    "ServiceError",
    "ServiceUnavailable",
]
