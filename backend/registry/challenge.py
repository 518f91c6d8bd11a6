"""The question that a registry asks with a 401, and the address where it is answered."""

import re
import secrets
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_PARAMETER = re.compile(r'\b(realm|service|scope)\s*=\s*(?:"([^"]*)"|([^",\s]+))', re.IGNORECASE)
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Challenge:
    """A `WWW-Authenticate: Bearer` header: where to ask, for which service, for what rights."""

    realm: str
    service: str = ""
    scope: str = ""

    @classmethod
    def parse(cls, header: str) -> "Challenge | None":
        """The challenge in a header; None where it is of another kind or names no realm."""
        kind, _, rest = header.strip()[:_LONGEST].partition(" ")
        if kind.lower() != "bearer":
            return None
        found = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(rest)}
        if not found.get("realm"):
            return None
        return cls(found["realm"], found.get("service", ""), found.get("scope", ""))

    def url(self, *, now: float | None = None, nonce: str | None = None) -> str:
        """The address to ask, with the time and a random word, keys sorted as Ollama sends them."""
        stamp = int(time.time() if now is None else now)
        parts = urlsplit(self.realm)
        asked = [
            *parse_qsl(parts.query, keep_blank_values=True),
            ("service", self.service),
            *(("scope", scope) for scope in self.scope.split(" ")),
            ("ts", str(stamp)),
            ("nonce", nonce or secrets.token_urlsafe(16)),
        ]
        asked.sort(key=lambda pair: pair[0])
        return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(asked), ""))
