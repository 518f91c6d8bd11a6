"""OLLAMA_HOST in all its forms: `[scheme://]host[:port][/path]`."""

from dataclasses import dataclass

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 11434
_SCHEME_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 lets the system choose one."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT

    @classmethod
    def parse(cls, text: str) -> "Address":
        """The address that `text` spells; a missing or impossible port becomes the default."""
        scheme, separator, rest = text.strip().strip("\"'").partition("://")
        if not separator:
            scheme, rest = "", scheme
        default = _SCHEME_PORTS.get(scheme, DEFAULT_PORT)
        host, port = _split(rest.partition("/")[0])
        valid = port.isascii() and port.isdigit() and int(port) <= 65535
        return cls(host or DEFAULT_HOST, int(port) if valid else default)

    def url(self) -> str:
        """The address as a client writes it; an unspecified one becomes loopback."""
        host = {"0.0.0.0": DEFAULT_HOST, "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    if text.count(":") > 1:  # a bare IPv6 address has no port
        return text, ""
    host, _, port = text.partition(":")
    return host, port
