"""Which addresses are inside: this machine, or the network it stands in."""

import ipaddress
import socket
from urllib.parse import urlsplit


def is_inside(url: str) -> bool:
    """Whether an address names this machine or a private network by number or by local name."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return True
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not _number(host).is_global
    except ValueError:
        return False


def _number(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(socket.inet_aton(host))  # 127.1 and 0x7f000001 are numbers too
    except (OSError, UnicodeError):
        return ipaddress.ip_address(host)
