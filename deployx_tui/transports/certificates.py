"""OpenSSH certificates of hosts: whether one may stand for a host, as `ssh` judges it (PROTOCOL.certkeys, sshkey.c)."""

from __future__ import annotations

import base64
import struct
from collections.abc import Collection
from datetime import datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    SSHCertPublicKeyTypes,
    load_ssh_public_identity,
)

#: of a type: "ssh-ed25519" + this
SUFFIX = "-cert-v01@openssh.com"
#: OpenSSH's CASignatureAlgorithms, without those of security keys; "ssh-rsa" is SHA-1
_SIGNATURES = frozenset(
    {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256"}
)


def objection(certificate: bytes, host: str, authorities: Collection[bytes], now: datetime) -> str | None:
    """Why a certificate does not prove that this is `host`; None: it does.

    `host` is the name that known_hosts is asked for, without a port; `authorities` are the blobs of the keys that may
    sign for it; `now` is aware.
    """
    try:
        read, signed_by = _read(certificate), signer(certificate)
    except ValueError as error:
        return f"the host certificate can't be read: {error}"
    if signed_by not in authorities:
        return "no authority that is known for this host has signed the host certificate"
    signed_with = _signature_type(certificate)
    if signed_with not in _SIGNATURES:
        return f"the host certificate is signed with {signed_with}, which is not accepted"
    try:
        read.verify_cert_signature()
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return "the signature of the host certificate is wrong"
    return _unfit(read, host, int(now.timestamp()))


def _unfit(read: SSHCertificate, host: str, now: int) -> str | None:
    if read.type is not SSHCertificateType.HOST:
        return "the certificate is not one of a host"
    if now < read.valid_after:
        return "the host certificate is not valid yet"
    if now >= read.valid_before:
        return "the host certificate has expired"
    principals = [each.decode("utf-8", "replace") for each in read.valid_principals]
    # without principals it is good for every host, as ssh-keygen(1) says; `ssh` takes no patterns here
    if principals and host.lower() not in principals:
        return f"the host certificate is for {', '.join(principals[:5])}, not for {host}"
    if read.critical_options:
        names = ", ".join(name.decode("utf-8", "replace") for name in read.critical_options)
        return f"the host certificate has critical options that nobody knows: {names}"
    return None


def plain_key(certificate: bytes) -> bytes:
    """The blob of the key that a certificate is about. ValueError: it can't be read."""
    return _blob_of(_read(certificate).public_key())


def signer(certificate: bytes) -> bytes:
    """The blob of the key that signed it. ValueError: it can't be read."""
    try:
        return _blob_of(_read(certificate).signature_key())
    except (UnsupportedAlgorithm, TypeError) as error:
        raise ValueError(str(error)) from error


def _blob_of(key: SSHCertPublicKeyTypes) -> bytes:
    return base64.b64decode(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])


def key_id(certificate: bytes) -> str:
    """What the authority calls it. ValueError: it can't be read."""
    return _read(certificate).key_id.decode("utf-8", "replace")


def _read(certificate: bytes) -> SSHCertificate:
    kind = _string(certificate, 0)[0]
    try:
        read = load_ssh_public_identity(kind + b" " + base64.b64encode(certificate))
    except (UnsupportedAlgorithm, TypeError) as error:
        raise ValueError(str(error)) from error
    if not isinstance(read, SSHCertificate):
        raise ValueError("it is a plain key")
    return read


def _signature_type(certificate: bytes) -> str:
    """The last field is the signature, which begins with its type; those before it were read already."""
    at = 0
    fields: list[bytes] = []
    kind, at = _string(certificate, 0)
    numbers = {b"ssh-rsa": 3, b"ssh-ed25519": 2}.get(kind.removesuffix(SUFFIX.encode()), 3)
    for _ in range(numbers):  # the nonce and the fields of the key
        _, at = _string(certificate, at)
    at += 12  # serial and type
    for _ in range(2):  # key id, principals
        _, at = _string(certificate, at)
    at += 16  # validity
    while at < len(certificate):
        field, at = _string(certificate, at)
        fields.append(field)
    return _string(fields[-1], 0)[0].decode("ascii", "replace")


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    """A string of RFC 4251 and where the next field begins. ValueError: it is cut."""
    if at + 4 > len(data):
        raise ValueError("it is cut")
    (size,) = struct.unpack_from(">I", data, at)
    if at + 4 + size > len(data):
        raise ValueError("it is cut")
    return data[at + 4 : at + 4 + size], at + 4 + size
