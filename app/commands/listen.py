"""The listening socket of `ragstone serve`, taken before anything heavy starts."""

import errno
import socket
import sys

from app.errors import PortTaken

REFUSALS = {
    errno.EADDRINUSE: "Port {port} is taken by {taker}.",
    errno.EACCES: "Port {port} may not be opened by this user.",
    errno.EADDRNOTAVAIL: "{host} is not an address of this machine.",
}


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 lets the system choose.

    Raises PortTaken, with what to type instead.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise PortTaken(f"{host} is no address to listen on: {error.strerror}") from error
    bound = socket.socket(family, kind, protocol)
    if sys.platform != "win32":  # there it would let two services share a port
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise PortTaken(_refusal(host, port, error)) from error
    return bound


def _refusal(host: str, port: int, error: OSError) -> str:
    text = REFUSALS.get(error.errno or 0, f"{{host}}:{{port}} cannot be opened: {error.strerror}.")
    taker = _taker(port) if error.errno == errno.EADDRINUSE else ""
    other = port + 1 if 1024 <= port < 65535 else 8485
    return (
        text.format(host=host, port=port, taker=taker)
        + f" Choose another: ragstone serve --port {other}, or RAGSTONE_PORT={other} make run"
    )


def _taker(port: int) -> str:
    from app.client import Client, ClientError

    try:
        with Client(f"http://127.0.0.1:{port}", timeout=1.0) as client:
            data = client.info()["data_dir"]
    except (ClientError, KeyError):
        return "another program"
    return f"a Ragstone that runs already (its data: {data})"
