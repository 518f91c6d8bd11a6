"""Uploaded files on their way into a model: what each is, checked before anything trusts it.

A file is named by the client and looked up by its digest; no path of a client's is ever opened
(CVE-2024-39719, CVE-2024-39721).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from backend.errors import BadRequest, InvalidModel
from backend.models import gguf
from backend.models.blobs import Blobs, canonical
from backend.models.manifests import Layer
from backend.models.split import split_parts

MAX_FILES = 1024
_BESIDE = (".json", ".jinja", ".model", ".txt", ".md")  # what lies beside weights in a folder
_TORCH = (".safetensors", ".pth", ".pt")
_NOT_CONVERTED = (
    "safetensors and PyTorch weights are not converted here: turn them into one GGUF file with "
    "llama.cpp's convert_hf_to_gguf.py and create the model from that"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A checked GGUF file of a model in the making, and the layer it will be."""

    file: str
    layer: Layer
    header: gguf.GGUF


def check_files(files: Mapping[str, str] | None) -> None:
    """Refuse names that are no relative path and digests that are none; raises BadRequest."""
    if len(files or {}) > MAX_FILES:
        raise BadRequest(f"too many files: {len(files or {})} exceeds maximum {MAX_FILES}")
    for file, digest in (files or {}).items():
        path = PurePosixPath(file)
        if not path.parts or path.is_absolute() or ".." in path.parts or {*file} & {*"\\\0"}:
            raise BadRequest("file path must be relative")
        canonical(digest)


def parts(blobs: Blobs, files: Mapping[str, str]) -> list[Part]:
    """Every GGUF among the files, by name; raises BadRequest on what is none, or is broken."""
    found = [
        _part(blobs, file, digest)
        for file, digest in sorted(files.items())
        if not file.endswith(_BESIDE) or _magic(blobs, file, digest) == b"GGUF"
    ]
    if not found:
        raise BadRequest("no files provided to convert")
    return found


def adapters(blobs: Blobs, files: Mapping[str, str], architecture: str) -> list[Layer]:
    """The layer of the one LoRA adapter; raises BadRequest where it is none, or not for this."""
    found = parts(blobs, files)
    if len(found) > 1:
        raise BadRequest("only one adapter is currently supported")
    (adapter,) = found
    if adapter.header.kind != "adapter":
        raise BadRequest(f"{adapter.file} is no LoRA adapter")
    made_for = adapter.header.architecture
    if "unknown" not in (made_for, architecture) and made_for != architecture:
        raise BadRequest(f"the adapter is for {made_for}, the model is {architecture}")
    return [adapter.layer]


def models(found: Sequence[Part]) -> list[Part]:
    """The model among the files: one, or all the parts of one split; raises BadRequest."""
    whole = by_kind(found, "model")
    if not whole:
        raise BadRequest("there is no model among the files")
    return split_parts(whole)


def by_kind(found: Sequence[Part], kind: str) -> list[Part]:
    """Those that are a `model`, an `adapter` or a `projector`."""
    return [part for part in found if part.header.kind == kind]


def _part(blobs: Blobs, file: str, digest: str) -> Part:
    magic = _magic(blobs, file, digest)
    if file.endswith(_TORCH) or magic == b"PK\3\4":
        raise BadRequest(_NOT_CONVERTED)
    if magic not in (b"GGUF", b"FUGG"):
        known = file.endswith(".gguf")
        raise BadRequest("supplied file was not in GGUF format" if known else "unknown type")
    try:
        header = gguf.read(blobs.path(digest))
    except InvalidModel as error:
        raise BadRequest(str(error)) from error
    layer = Layer.of(header.kind, canonical(digest), blobs.size(digest))
    return Part(file, layer, header)


def _magic(blobs: Blobs, file: str, digest: str) -> bytes:
    if not blobs.has(digest):
        raise BadRequest(f"blob not found for {file} (digest {digest})")
    with blobs.path(digest).open("rb") as opened:
        return opened.read(4)
