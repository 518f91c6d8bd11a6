"""Model names: `[scheme://][host/][namespace/]model[:tag]`, and where a name says to look.

A name becomes a path under `manifests/`, so the rules here are also what keeps a request from
reaching any other file (CVE-2024-37032 and CVE-2024-39722 were missing checks of this kind).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from backend.errors import CloudModel, InvalidName

DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}")
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")


@dataclass(frozen=True, slots=True)
class ModelName:
    """A complete, valid name; `str()` of it is the short form that `/api/tags` shows."""

    host: str
    namespace: str
    model: str
    tag: str

    def __post_init__(self) -> None:
        rules = (_HOST, _NAMESPACE, _PART, _PART)
        if not all(rule.fullmatch(part) for rule, part in zip(rules, self.parts, strict=True)):
            raise InvalidName("invalid model name")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The name that `text` spells, defaults filled in; raises InvalidName.

        Parsed from the right: tag, model, namespace, host. A separator with nothing on one
        side is a missing part, hence invalid.
        """
        rest = text.strip()
        tag = DEFAULT_TAG
        if rest.rfind(":") > rest.rfind("/"):
            rest, _, tag = rest.rpartition(":")
        rest, has_namespace, model = rest.rpartition("/")
        if not has_namespace:
            return cls(DEFAULT_HOST, DEFAULT_NAMESPACE, model, tag)
        rest, has_host, namespace = rest.rpartition("/")
        if not has_host:
            return cls(DEFAULT_HOST, namespace, model, tag)
        return cls(_without_scheme(rest), namespace, model, tag)

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """The four parts, which are also the four path segments of the manifest."""
        return (self.host, self.namespace, self.model, self.tag)

    @property
    def full(self) -> str:
        """Every part written out, as some error texts want it."""
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"

    def __str__(self) -> str:
        short = f"{self.model}:{self.tag}"
        if self.host != DEFAULT_HOST:
            return f"{self.host}/{self.namespace}/{short}"
        return short if self.namespace == DEFAULT_NAMESPACE else f"{self.namespace}/{short}"

    def spelled_like(self, stored: Iterable["ModelName"]) -> "ModelName":
        """This name with each part in the spelling of a stored one that matches ignoring case."""
        names = list(stored)
        folded = [part.casefold() for part in self.parts]
        same = [name for name in names if [part.casefold() for part in name.parts] == folded]
        if same:  # its own parts, not those that other names share with it
            return self if self in same else min(same, key=str)
        host, namespace, model, tag = (
            _stored_spelling(part, {name.parts[i] for name in names})
            for i, part in enumerate(self.parts)
        )
        return ModelName(host, namespace, model, tag)


def on_disk(text: str) -> ModelName:
    """The name of a stored model: `:local` at its end only says where to look, and goes.

    A name that ends in `:cloud` or `-cloud` keeps it, as the file of a cloud's stub has that name.
    Raises InvalidName.
    """
    text = text.strip()
    rest, source = _source(text)
    if source and _source(rest)[1]:
        raise InvalidName(f'use either :local or :cloud, not both: "{text}"')
    return ModelName.parse(rest if source == "local" else text)


def to_run(text: str) -> ModelName:
    """The name of a model that this machine is asked to run; raises InvalidName or CloudModel."""
    name = on_disk(text)
    if _source(text.strip())[1] == "cloud":
        raise CloudModel(f"{text.strip()} is a cloud model; this server runs local models only")
    return name


def _source(text: str) -> tuple[str, str]:
    before, colon, last = text.rpartition(":")
    folded = last.strip().lower()
    if colon and folded in ("local", "cloud"):
        return before, folded
    if colon and "/" not in last and folded.endswith("-cloud"):
        return text.rstrip()[: -len("-cloud")], "cloud"
    return text, ""


def _without_scheme(host: str) -> str:
    scheme, separator, rest = host.partition("://")
    if not separator:
        return host
    if not scheme:
        raise InvalidName("invalid model name")
    return rest


def _stored_spelling(part: str, stored: set[str]) -> str:
    if part in stored:
        return part
    folded = part.casefold()
    return min((other for other in stored if other.casefold() == folded), default=part)
