"""Any OLLAMA_HOST is an address; any Host and Origin is let in or not; no URL trips is_inside."""

import ipaddress
from urllib.parse import urlsplit

from hypothesis import strategies as st

from backend.address import Address
from backend.registry.addresses import is_inside
from backend.web.guard import Guard, allows_host, is_loopback
from tests.fuzz.mutations import pieced

_PIECES = ("http://", "https://", "localhost", "127.0.0.1", "0.0.0.0", "[", "]", "::1", ":", "::",
           "11434", "99999", "/", "@", ".local", ".internal", "evil.example", "%", "1e3", "0x7f.1",
           "²", "١", "fe80::1%eth0", "::ffff:10.0.0.1")  # fmt: skip
CASES = pieced(_PIECES, 8) | st.text(max_size=40)
_GUARD = Guard(None, origins="https://*.example.com,http://a")  # type: ignore[arg-type]


def check(text: str) -> None:
    """Read it as each of them."""
    address = Address.parse(text)
    assert 0 <= address.port <= 65535
    assert address.host
    Address.has_port_right(text)
    is_loopback(address.host)
    is_inside(text)
    assert is_inside(f"http://127.0.0.1/{text.split('/')[0]}") or "@" in text
    if allows_host(text, names=["me"], addresses=["198.51.100.7"]):
        _is_near(text)
    if _GUARD.allows_origin(text) and text.startswith("http"):
        host = urlsplit(text).hostname or ""
        near = ("localhost", "127.0.0.1", "0.0.0.0", "a")
        assert host in near or host.endswith(".example.com"), host


def _is_near(header: str) -> None:
    """A browser that sends this Host speaks to us by a name that no stranger can give us."""
    host = header.strip().lower()
    bare = host[1:].partition("]")[0] if host.startswith("[") else host
    if not host.startswith("[") and host.count(":") <= 1:
        bare = host.partition(":")[0]
    if bare in ("", "localhost", "me") or bare.endswith((".localhost", ".local", ".internal")):
        return
    number = ipaddress.ip_address(bare)
    mapped = getattr(number, "ipv4_mapped", None) or number
    assert not mapped.is_global, header
