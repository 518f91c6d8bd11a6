"""What a Modelfile is made of: the files that its FROM and ADAPTER lines name, and all the rest.

A path is taken as the person means it who wrote the Modelfile: relative to its folder, `~` and
`~user` expanded. The server is never told a path, only digests.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend.commands.errors import CommandFailed
from backend.commands.parameters import DEPRECATED, typed_pairs
from backend.models.modelfile import Modelfile

WEIGHTS = (
    "model*.safetensors", "adapter*.safetensors", "consolidated*.safetensors",
    "pytorch_model*.bin", "consolidated*.pth", "*.gguf", "*.bin",
)  # fmt: skip
"""Which files of a folder are its weights: those of the first pattern that fits any."""
BESIDE = ("*.json", "*/*.json", "chat_template.jinja", "tokenizer.model", "*/tokenizer.model")
"""What goes along with weights, except with GGUF files, which hold all of it themselves."""
NESTED = "*/model*.safetensors"
_ONE_TEXT = ("template", "system", "renderer", "parser", "requires")


@dataclass(slots=True)
class Components:
    """A model to be made: the body of /api/create without its digests, and the files by role."""

    body: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    adapters: dict[str, Path] = field(default_factory=dict)
    draft_files: dict[str, Path] = field(default_factory=dict)


def components(modelfile: Modelfile, folder: Path) -> Components:
    """The parts of the Modelfile that stands in `folder`; raises CommandFailed."""
    made = Components()
    found: list[Path] = []
    for value in modelfile.values("from"):
        path = expanded(value, folder)
        if path.exists():
            found += files_at(path)
        else:
            made.body["from"] = value
    made.files = named(found)
    made.adapters = named(_there(modelfile.values("adapter"), folder))
    made.draft_files = named(_there(modelfile.values("draft"), folder))
    made.body |= _texts(modelfile)
    return made


def expanded(value: str, folder: Path) -> Path:
    """The path that a value means in that folder; raises CommandFailed for an unknown user."""
    try:
        return folder / Path(value).expanduser()
    except RuntimeError as error:
        raise CommandFailed(f"{value}: there is no such home folder") from error


def files_at(path: Path) -> list[Path]:
    """The file itself, or the files of a folder that make up a model; raises CommandFailed.

    A link that leads out of the folder is refused: an unpacked archive of a stranger would
    otherwise upload any file that its owner can read.
    """
    if not path.is_dir():
        return [path]
    weights = next((found for pattern in WEIGHTS if (found := sorted(path.glob(pattern)))), [])
    if not weights:
        raise CommandFailed("no Modelfile or safetensors files found")
    files = list(weights)
    if weights[0].suffix != ".gguf":
        if weights[0].match(WEIGHTS[0]):
            files += sorted(path.glob(NESTED))
        files += [beside for pattern in BESIDE for beside in sorted(path.glob(pattern))]
    inside = path.resolve()
    for file in files:
        if not file.resolve().is_relative_to(inside):
            raise CommandFailed(f"insecure path: {file}")
    return [file for file in dict.fromkeys(files) if file.is_file()]


def named(files: list[Path]) -> dict[str, Path]:
    """Each file by the name the server is told: its own, or its path below their common folder."""
    if len(files) < 2:
        return {file.name: file for file in files}
    whole = [file.absolute() for file in files]
    root = next(
        folder for folder in whole[0].parents if all(file.is_relative_to(folder) for file in whole)
    )
    return {file.relative_to(root).as_posix(): file for file in whole}


def _there(values: tuple[str, ...], folder: Path) -> list[Path]:
    files = []
    for value in values:
        path = expanded(value, folder)
        if not path.exists():
            raise CommandFailed(f"{value}: no such file or directory")
        files += files_at(path)
    return files


def _texts(modelfile: Modelfile) -> dict[str, Any]:
    body: dict[str, Any] = {
        name: text for name in _ONE_TEXT if (text := modelfile.last(name)) is not None
    }
    if licenses := modelfile.values("license"):
        body["license"] = list(licenses)
    if messages := modelfile.pairs("message"):
        body["messages"] = [{"role": role, "content": text} for role, text in messages]
    pairs = modelfile.pairs("parameter")
    for name in dict.fromkeys(name for name, _ in pairs if name in DEPRECATED):
        print(f"warning: parameter {name} is deprecated", file=sys.stderr)
    parameters = typed_pairs(pair for pair in pairs if pair[0] not in DEPRECATED)
    return body | {"parameters": parameters} if parameters else body
