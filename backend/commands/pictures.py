"""Pictures named in a prompt: found by their path, read, checked, and taken out of the text."""

import base64
import re
import sys
from pathlib import Path

from backend.commands.errors import CommandFailed

MAX_BYTES = 100 << 20
_PATH = re.compile(
    r"(?:[a-zA-Z]:)?(?:\./|~/|/|\\)[\S\\ ]+?\.(?:jpg|jpeg|png|webp)\b", re.IGNORECASE
)
_ESCAPED = re.compile(r"\\([ ()\[\]{}$&;'\\*?~])")
_KINDS = ((b"\xff\xd8\xff", 0), (b"\x89PNG\r\n\x1a\n", 0), (b"WEBP", 8))
"""How a JPEG, a PNG and a WebP file begin: these bytes, from this byte on."""


def named_pictures(text: str) -> list[str]:
    """What looks like the path of a picture, as it stands in the text."""
    return _PATH.findall(text)


def take_pictures(text: str) -> tuple[str, list[str]]:
    """The text without the paths of pictures that exist, and those pictures in base64.

    Raises CommandFailed for one that is no picture or too large.
    """
    pictures = []
    for name in named_pictures(text):
        path = Path(_ESCAPED.sub(r"\1", name)).expanduser()
        if not path.is_file():
            continue
        pictures.append(base64.b64encode(_read(path)).decode())
        print(f"Added image '{path}'", file=sys.stderr)
        text = text.replace(f"'{name}'", "").replace(name, "")
    return text.strip(), pictures


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CommandFailed(f"{path} is larger than {MAX_BYTES >> 20} MB")
        raw = path.read_bytes()
    except OSError as error:
        raise CommandFailed(f"couldn't read {path}: {error.strerror}") from error
    if not any(raw[at : at + len(mark)] == mark for mark, at in _KINDS):
        raise CommandFailed(f"{path} is not a JPEG, PNG or WebP picture")
    return raw
