"""What can go wrong at the service's own edge.

AppError
├── InvalidRequest      a body, a field or a header that cannot be used
├── Unsupported         a known shape that this version does not do
├── BackendNotStarted   the bundled model server did not come up
├── PortTaken           another program listens on the port
└── EvaluationBusy      an evaluation run goes on already
"""


class AppError(Exception):
    """Any failure at the edge; `code` is stable, the message a sentence for a person."""

    code = "app_error"


class InvalidRequest(AppError):
    """A body, a field or a header that cannot be used."""

    code = "invalid_request"

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        if code:
            self.code = code


class Unsupported(InvalidRequest):
    """A known shape that this version does not do."""

    code = "unsupported"


class BackendNotStarted(AppError):
    """The bundled model server did not come up."""

    code = "backend_not_started"


class PortTaken(AppError):
    """Another program listens on the port."""

    code = "port_taken"


class EvaluationBusy(AppError):
    """An evaluation run goes on already; a second would spoil both runs' latencies."""

    code = "evaluation_busy"
