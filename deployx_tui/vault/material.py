"""Whether what a person gives as a secret can be one of its kind, and what may be said of it. Pure.

No message holds anything of the value, and no library's words about it.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from deployx_tui.errors import InvalidInput
from deployx_tui.model.secret import CredentialKind, NewSecret, Secret
from deployx_tui.output.spellings import SHORTEST

#: of one value
LONGEST = 64 << 10

_PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def checked(kind: CredentialKind, given: NewSecret) -> NewSecret:
    """What is to be kept of it. Raises InvalidInput by field (`secret`, `passphrase`)."""
    value = given.value.reveal()
    if kind is CredentialKind.SSH_KEY:
        value = value.replace(b"\r\n", b"\n").strip() + b"\n"
        given = NewSecret(value=Secret(value), passphrase=given.passphrase)
    elif given.passphrase is not None:
        raise InvalidInput.of("passphrase", f"a {kind.value} has none", "leave it out")
    if len(value) < SHORTEST:
        raise InvalidInput.of(
            "secret", f"it is shorter than {SHORTEST} bytes, and could not be kept out of outputs", "use a longer one"
        )
    if len(value) > LONGEST:
        raise InvalidInput.of("secret", f"it is longer than {LONGEST} bytes", "keep a file on the targets instead")
    if b"\0" in value:
        raise InvalidInput.of("secret", "it holds a NUL character", "take it out")
    if kind is CredentialKind.SSH_KEY:
        _read_key(given)
    elif kind is not CredentialKind.PARAMETER and (b"\n" in value or b"\r" in value):
        raise InvalidInput.of("secret", "a password has one line", "give it without line ends")
    return given


def said_of(kind: CredentialKind, kept: NewSecret) -> str:
    """What a check may tell: the kind, and of a key its public fingerprint. Raises InvalidInput as `checked`."""
    if kind is not CredentialKind.SSH_KEY:
        return f"the {kind.value} opens"
    public = (
        _read_key(kept).public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    )
    name, blob = public.split()[:2]
    digest = base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()).decode().rstrip("=")
    lock = "with its passphrase" if kept.passphrase is not None else "without a passphrase of its own"
    return f"the {name.decode()} key opens, SHA256:{digest}, {lock}"


def _read_key(given: NewSecret) -> _PrivateKey:
    text = given.value.reveal()
    passphrase = None if given.passphrase is None else given.passphrase.reveal()
    if passphrase is not None and len(passphrase) < SHORTEST:
        raise InvalidInput.of(
            "passphrase",
            f"it is shorter than {SHORTEST} bytes, and could not be kept out of outputs",
            "give the key a longer one: ssh-keygen -p",
        )
    try:
        try:
            found: object = serialization.load_ssh_private_key(text, passphrase)
        except (ValueError, UnsupportedAlgorithm):
            if b"BEGIN OPENSSH PRIVATE KEY" in text:
                raise
            found = serialization.load_pem_private_key(text, passphrase)
    except TypeError:
        # the library's way to say that a passphrase is missing, or that there is nothing to open with it
        if passphrase is None:
            raise InvalidInput.of("passphrase", "the key is encrypted", "give its passphrase too") from None
        raise InvalidInput.of("passphrase", "the key is not encrypted", "leave the passphrase out") from None
    except (ValueError, UnsupportedAlgorithm):
        if passphrase is not None:
            raise InvalidInput.of(
                "passphrase", "the key does not open with it, or is none", "type the passphrase again"
            ) from None
        raise InvalidInput.of(
            "secret", "it is not a private key that can be read", "give the content of a file such as ~/.ssh/id_ed25519"
        ) from None
    if not isinstance(found, _PrivateKey):
        raise InvalidInput.of("secret", "keys of this kind are not used", "use an ed25519, ECDSA or RSA key")
    return found
