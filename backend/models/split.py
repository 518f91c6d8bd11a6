"""A model in several GGUF files, as llama.cpp's gguf-split leaves it: which parts make a whole.

Each part says in its own metadata which one it is and how many there are; the names of the files
are not trusted to say it.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from backend.errors import BadRequest
from backend.models.gguf import GGUF

NUMBER, COUNT, TENSORS = "split.no", "split.count", "split.tensors.count"


class HasHeader(Protocol):
    """Anything with a checked header."""

    @property
    def header(self) -> GGUF:
        """Its metadata and tensors."""
        ...


Part = TypeVar("Part", bound=HasHeader)


def split_parts(found: Sequence[Part]) -> list[Part]:
    """The one model there is, or the parts of one split in their order; raises BadRequest."""
    counts = {_number(part, COUNT, 1) for part in found}
    if counts == {1} and len(found) == 1:
        return list(found)
    if counts == {1}:
        raise BadRequest("there is more than one model among the files")
    if len(counts) > 1:
        raise BadRequest("invalid split GGUF: the files are not parts of one model")
    (count,) = counts
    ordered = sorted(found, key=lambda part: _number(part, NUMBER, -1))
    if [_number(part, NUMBER, -1) for part in ordered] != list(range(count)):
        raise BadRequest(f"invalid split GGUF: {count} parts are needed, each once")
    names = [tensor.name for part in ordered for tensor in part.header.tensors]
    expected = _number(ordered[0], TENSORS, len(names))
    if len(set(names)) != len(names) or len(names) != expected:
        raise BadRequest("invalid split GGUF: its tensors are not all there, each once")
    return ordered


def _number(part: HasHeader, key: str, default: int) -> int:
    value = part.header.metadata.get(key, default)
    return value if isinstance(value, int) and not isinstance(value, bool) else default
