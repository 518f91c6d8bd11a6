"""What a document may be called: a sender's file name made harmless. Pure."""

import re
import unicodedata

LONGEST_BYTES = 255
"""The limit of every common file system, so that any document can be saved under its name."""
_HARMFUL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, and the marks that make a name read backwards (gnp.exe as exe.png)."""


def clean_name(sent: str) -> str:
    """Return the last part of a path, in NFC, without control characters, at most 255 bytes."""
    name = unicodedata.normalize("NFC", _HARMFUL.sub("", sent))
    name = re.split(r"[/\\]", name.rstrip("/\\"))[-1].strip()
    if name in ("", ".", ".."):
        return "document"
    return _shortened(name)


def _shortened(name: str) -> str:
    """Cut a name that is too long before its extension, never within a character."""
    if len(name.encode()) <= LONGEST_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > 16:
        stem, dot, extension = name, "", ""
    room = LONGEST_BYTES - len(f"{dot}{extension}".encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + extension
