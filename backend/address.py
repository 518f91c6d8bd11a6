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
        scheme, host, port = _parts(text)
        default = _SCHEME_PORTS.get(scheme, DEFAULT_PORT)
        return cls(host or DEFAULT_HOST, int(port) if _is_port(port) else default)

    @staticmethod
    def has_port_right(text: str) -> bool:
        """Whether `text` spells a possible port or none."""
        port = _parts(text)[2]
        return not port or _is_port(port)

    def url(self) -> str:
        """The address as a client writes it; an unspecified one becomes loopback."""
        host = {"0.0.0.0": DEFAULT_HOST, "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def _parts(text: str) -> tuple[str, str, str]:
    """Scheme, host and port, each empty where it is not spelt."""
    scheme, separator, rest = text.strip().strip("\"'").strip().partition("://")
    if not separator:
        scheme, rest = "", scheme
    return scheme.lower(), *_split(rest.partition("/")[0])


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) <= 65535


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    if text.count(":") > 1:  # a bare IPv6 address has no port
        return text, ""
    host, _, port = text.partition(":")
    return host, port
