"""What a request to the test registry was, and what the registry shall do wrong."""

import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came; header names are lower-case."""

    method: str
    host: str
    path: str
    target: str
    """Path and query as they stood in the request."""
    headers: dict[str, str]
    body: bytes = b""

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)


@dataclass(slots=True)
class Faults:
    """What goes wrong; the defaults are nothing."""

    pause: float = 0.0
    """Seconds before every block of a blob."""
    breaks: dict[str, list[int]] = field(default_factory=dict)
    """For a digest: after how many bytes its answers break off, one entry an answer."""
    stalls: int = 0
    """How many answers with a blob stop in the middle and keep the connection."""
    stall_after: int = 4096
    """After so many bytes they do."""
    stalled: threading.Event = field(default_factory=threading.Event)
    """Set to end the stalls."""
    statuses: list[int] = field(default_factory=list)
    """Statuses that the next requests for blobs get instead of their blob."""
    contents: dict[str, bytes] = field(default_factory=dict)
    """Other bytes than a digest promises."""
    total: int | None = None
    """What Content-Range and Content-Length say of a blob's size."""
    ignores_ranges: bool = False
    shifts_ranges: bool = False
    manifest: bytes | None = None
    manifest_status: int = 200
    manifest_headers: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    """Host, path or both, to where requests for it are sent on, `{path}` filled in."""
    realm: str | None = None
    token: str | None = None
    """Wanted in Authorization; given out at /token."""
    token_answer: bytes | None = None
    mounts: bool = False
    part_statuses: list[int] = field(default_factory=list)
    """Statuses that the next parts of an upload get instead of being taken."""
    uploads_elsewhere: str = ""
    next_upload: str = ""
    """Where the parts after the first are sent, instead of where they belong."""
