"""Names that a run makes on a target: told by its nonce and the content, so that the same run finds them again, and
nobody else can know them before. Pure.
"""

from __future__ import annotations

import hashlib

#: bytes of a file's own name in that of its temporary one: together below 255
_OWN = 150


def tag(nonce: str, *words: str) -> str:
    """96 bits in hex."""
    text = "\0".join((nonce, *words)).encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).hexdigest()[:24]


def beside(path: str, nonce: str, sha256: str) -> str:
    """The temporary name of a file, in its own folder."""
    folder, _, name = path.rpartition("/")
    short = name.encode("utf-8", "surrogateescape")[:_OWN].decode("utf-8", "ignore")
    return f"{folder}/.{short}.dx-{tag(nonce, 'file', path, sha256)}"


def staging(root: str, nonce: str) -> str:
    """The folder in a tree's own one where its small files wait."""
    return f"{root}/.dx-{tag(nonce, 'staging', root)}"


def staging_apart(root: str, nonce: str) -> str:
    """The same where others may write in the tree's own folder."""
    return f"/var/tmp/dx-files-{tag(nonce, 'staging', root)}"  # noqa: S108 - made there by mkdir, nobody knows the name


def run_id(nonce: str) -> str:
    """By which the target knows what a run kept and wrote down."""
    return tag(nonce, "run")


def kept_folder(state: str, path: str) -> str:
    """Where an account keeps what was at a path."""
    return f"{state}/kept/{hashlib.sha256(path.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}"


def parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"
