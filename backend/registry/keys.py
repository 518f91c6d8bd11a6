"""The key that says who asks a registry: `id_ed25519` in OpenSSH's form, made at first need.

Ollama keeps it in `~/.ollama`, which is the folder above its models. A key that lies above the
models is taken, else the user's own of Ollama, which a registry may know already; else one is made.
"""

import base64
import hashlib
import os
from pathlib import Path

from backend.errors import RegistryError

NAME = "id_ed25519"
_NOTHING = base64.b64encode(hashlib.sha256().hexdigest().encode()).decode()


def key_file(models: Path) -> Path:
    """Where the key for this folder of models is, or would be."""
    near, own = models.parent / NAME, Path.home() / ".ollama" / NAME
    return own if own.is_file() and not near.is_file() else near


def signature(key: Path, url: str) -> str:
    """What goes into `Authorization` to ask for a token at `url`: public key and signature.

    Makes the key where there is none. Raises RegistryError where it cannot be read or made.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_ssh_private_key,
    )

    try:
        if not key.exists():
            _make(key)
        private = load_ssh_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RegistryError(f"the key {NAME} cannot be used: {error}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise RegistryError(f"the key {NAME} is not an ed25519 key")
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    signed = private.sign(f"GET,{url},{_NOTHING}".encode())
    return f"{public.split()[1].decode()}:{base64.b64encode(signed).decode()}"


def _make(path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    private = Ed25519PrivateKey.generate()
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_name(f".{NAME}-{os.getpid()}")
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
    try:
        os.link(whole, path)  # fails where another process made one meanwhile: that one counts
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        whole.replace(path)
    finally:
        whole.unlink(missing_ok=True)
    path.with_name(f"{NAME}.pub").write_bytes(public + b"\n")
