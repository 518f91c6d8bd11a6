"""Joins the parts of a split GGUF into the one file that a model's layer is."""

from collections.abc import Sequence

from backend.models.blobs import Blobs
from backend.models.gguf_write import Planned, data_of, head, kept_entries, padding
from backend.models.imports import Part
from backend.models.manifests import Layer
from backend.models.split import COUNT, NUMBER, TENSORS


def merged(blobs: Blobs, parts: Sequence[Part]) -> Layer:
    """The layer of one file with the first part's metadata and the tensors of all, as a blob."""
    first = parts[0]
    path = blobs.path(first.layer.digest)
    entries = kept_entries(first.header, path, without=(COUNT, NUMBER, TENSORS))
    tensors = [
        Planned(tensor.name, tensor.shape, tensor.type)
        for part in parts
        for tensor in part.header.tensors
    ]
    alignment = first.header.alignment
    with blobs.incoming() as whole:
        whole.write(head(entries, tensors, alignment))
        for part in parts:
            path = blobs.path(part.layer.digest)
            for tensor in part.header.tensors:
                for block in data_of(part.header, path, tensor):
                    whole.write(block)
                whole.write(bytes(padding(tensor.size, alignment)))
        return Layer.of("model", *whole.finish())
