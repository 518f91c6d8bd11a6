"""What a caller of the service can meet.

ClientError
├── ServiceUnavailable   nothing answers at that address, or it stopped answering
└── ServiceError         the service answered with a problem (RFC 9457)
"""

from typing import Any


class ClientError(Exception):
    """Any failure of a call; `code` is stable, the message a sentence for a person."""

    code = "service_unavailable"


class ServiceUnavailable(ClientError):
    """Nothing answers at that address, or it broke off in mid-answer."""


class ServiceError(ClientError):
    """The service refused or failed; `code` is stable, `detail` is for a person."""

    def __init__(
        self, code: str, detail: str, status: int = 500, setting: str | None = None
    ) -> None:
        super().__init__(f"{detail} (setting: {setting})" if setting else detail)
        self.code = code
        self.detail = detail
        self.status = status
        self.setting = setting

    @classmethod
    def from_problem(cls, status: int, problem: Any) -> "ServiceError":
        """Read a problem+json body; whatever else came is quoted as the detail."""
        if not isinstance(problem, dict):
            problem = {"detail": str(problem)[:500]}
        nested = problem.get("error")
        if isinstance(nested, dict):  # the OpenAI-shaped routes wrap theirs
            problem = {"detail": nested.get("message"), **nested}
        return cls(
            code=str(problem.get("code") or f"http_{status}"),
            detail=str(problem.get("detail") or problem.get("title") or f"HTTP {status}"),
            status=int(problem.get("status") or status),
            setting=problem.get("setting"),
        )
