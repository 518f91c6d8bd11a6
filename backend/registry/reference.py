"""A model at a registry: its name, and the addresses that follow from it."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import urljoin, urlsplit

from backend.errors import InsecureProtocol, InvalidName
from backend.models.names import ModelName, to_run

# Two names of one registry: the short one redirects to the long one, which gives out the tokens.
_SAME = {"hf.co": "huggingface.co"}
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Reference:
    """A valid name and the scheme its registry is spoken to with."""

    name: ModelName
    scheme: str

    @classmethod
    def parse(cls, text: str, *, insecure: bool = False) -> Self:
        """The model that `text` names; raises InvalidName, CloudModel or InsecureProtocol.

        Plain HTTP needs `insecure`, which in turn means HTTP unless the name says https://.
        """
        name = to_run(text)
        named, separator, _ = text.strip().partition("://")
        scheme = named.lower() if separator else "http" if insecure else "https"
        if scheme not in _PORTS:
            raise InvalidName("invalid model name")
        if scheme == "http" and not insecure:
            raise InsecureProtocol("insecure protocol http")
        reference = cls(name, scheme)
        if origin(reference.url()) is None:  # the rules of names let `a:b:c` pass as a host
            raise InvalidName("invalid model name")
        return reference

    @property
    def repository(self) -> str:
        """The part of the path that stands for the model, `namespace/model`."""
        return f"{self.name.namespace}/{self.name.model}"

    def url(self, *path: str) -> str:
        """An address under the model's repository, e.g. of `manifests`, tag."""
        return "/".join((f"{self.scheme}://{self.name.host}/v2/{self.repository}", *path))

    def owns(self, url: str) -> bool:
        """Whether the address is the registry's own: what a token may be sent to.

        Same host and port (or the other name of the same registry), never HTTP after HTTPS
        (CVE-2025-51471 was a token given to the host that a stranger had named).
        """
        here, there = origin(self.url()), origin(url)
        return here is not None and there in (here, (here[0], _SAME.get(here[1], ""), here[2]))


def joined(url: str, location: str) -> str:
    """The address that a Location header means; empty where it is no address."""
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an HTTP address, lower-case; None for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
        return None
    return parts.scheme, parts.hostname.lower(), port or _PORTS[parts.scheme]
