"""Who we are: a credential of the vault, or else private keys, read and decrypted once per process, and the agent's."""

from __future__ import annotations

import copy
import io
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from paramiko.agent import AgentKey
from paramiko.pkey import PublicBlob

from deployx_tui.model.ids import CredentialId
from deployx_tui.model.secret import CredentialKind
from deployx_tui.plain_file import read_plain
from deployx_tui.transports import certificates
from deployx_tui.transports.base import Login
from deployx_tui.transports.ssh.config import HostSettings
from deployx_tui.transports.ssh.interview import METHOD, Interview, NotLetIn, Own
from deployx_tui.transports.ssh.limits import Limits
from deployx_tui.transports.ssh.link import Link


@dataclass(frozen=True, slots=True)
class Denied:
    """Nobody was let in: what was tried, and what would help."""

    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class _Unusable:
    """A key file that can't be used, and why."""

    why: str
    remedy: str


_PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


class KeyRing:
    """Private keys by file, shared by all connections; read again when the file changes. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[Path, tuple[tuple[int, int, int], paramiko.PKey | _Unusable]] = {}
        #: by credential, with the version of its secret
        self._kept: dict[CredentialId, tuple[int, paramiko.PKey | _Unusable]] = {}

    def load(self, path: Path) -> paramiko.PKey | _Unusable | None:
        """None: there is no such file."""
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return _Unusable(f"{path} can't be read: {error.strerror}", "check the path and its owner")
        if status.st_mode & 0o077:
            # OpenSSH refuses such a key too
            return _Unusable(
                f"{path} can be read by other accounts (mode {status.st_mode & 0o777:o})", f"chmod 600 {path}"
            )
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        with self._lock:
            held = self._keys.get(path)
            if held is None or held[0] != stamp:
                held = (stamp, _read(path))
                self._keys[path] = held
            return held[1]

    def of_credential(self, login: Login) -> paramiko.PKey | _Unusable:
        with self._lock:
            held = self._kept.get(login.credential_id)
            if held is None or held[0] != login.secret_version:
                held = (login.secret_version, _parse(login))
                self._kept[login.credential_id] = held
            return held[1]


def _parse(login: Login) -> paramiko.PKey | _Unusable:
    """The key in a credential; no message holds anything of it."""
    text = login.secret.reveal()
    passphrase = None if login.passphrase is None else login.passphrase.reveal()
    try:
        return _private_key(text, passphrase)
    except (ValueError, TypeError, paramiko.SSHException, UnsupportedAlgorithm):
        # without the library's words about the content
        return _Unusable(
            f"the key in credential {login.name} can't be read, or its passphrase is another one",
            f"deployx credential rotate {login.name} puts another key in",
        )


def _private_key(text: bytes, passphrase: bytes | None) -> paramiko.PKey:
    """Of OpenSSH's own form or of PEM. ValueError; TypeError: it is encrypted; SSHException, UnsupportedAlgorithm."""
    try:
        loaded: object = serialization.load_ssh_private_key(text, passphrase)
    except ValueError:
        loaded = serialization.load_pem_private_key(text, passphrase)
    for kind, made in _KEY_CLASSES:
        if isinstance(loaded, kind):
            # in the one form that paramiko reads of every kind
            plain = loaded.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
            )
            return made.from_private_key(io.StringIO(plain.decode()))
    raise ValueError("it is of a kind that is not used any more")


_KEY_CLASSES: tuple[tuple[type[_PrivateKey], type[paramiko.PKey]], ...] = (
    (rsa.RSAPrivateKey, paramiko.RSAKey),
    (ed25519.Ed25519PrivateKey, paramiko.Ed25519Key),
    (ec.EllipticCurvePrivateKey, paramiko.ECDSAKey),
)


def _read(path: Path) -> paramiko.PKey | _Unusable:
    try:
        key = _private_key(read_plain(path), None)
        certificate = path.with_name(path.name + "-cert.pub")
        if certificate.exists():
            key.load_certificate(read_plain(certificate).decode())
    except (TypeError, paramiko.PasswordRequiredException):  # cryptography's word for a missing passphrase
        return _Unusable(
            f"{path} is encrypted, and passphrases are not asked for yet", f"add it to ssh-agent: ssh-add {path}"
        )
    except (ValueError, OSError, paramiko.SSHException, UnsupportedAlgorithm) as error:
        return _Unusable(f"{path} is not a private key that can be read: {error}", "give another key file")
    return key


def log_in(
    link: Link, settings: HostSettings, keys: KeyRing, limits: Limits, login: Login | None, interview: Interview
) -> str | Denied:
    """Authenticate with `login`, else with the first key that is let in; returns which.

    What the server asks besides, or instead, is the interview's. The host key has been checked before: nothing is
    proved to a stranger.
    """
    try:
        if login is None:
            return _by_offers(link, settings, keys, limits, interview)
        link.auth_timeout = max(0.1, limits.left)
        if login.kind is CredentialKind.PASSWORD:
            return _by_password(link, settings, login, interview)
        return _by_key(link, settings, login, keys.of_credential(login), interview)
    except NotLetIn as error:
        return Denied(f"{settings.user} was not let in: {error}", error.remedy)


def _by_offers(link: Link, settings: HostSettings, keys: KeyRing, limits: Limits, interview: Interview) -> str | Denied:
    """With the keys of the files and the agent; where none opens, by what the server asks."""
    tried: list[str] = []
    unusable: list[_Unusable] = []
    agent = _agent(settings, keys)
    try:
        for label, key in _offers(settings, keys, agent, unusable):
            tried.append(label)
            link.auth_timeout = max(0.1, limits.left)
            try:
                more = link.by_key(settings.user, key)
            except paramiko.BadAuthenticationType as error:
                if METHOD in error.allowed_types:
                    return _answered(settings, "answers", interview.hold(link))
                return _no_keys(settings, error)
            except paramiko.AuthenticationException as error:
                if link.is_active():
                    continue
                return Denied(_refused(settings, tried, unusable) + f" ({error})", _remedy(settings, unusable))
            except (paramiko.SSHException, EOFError, OSError) as error:
                if not link.is_active():
                    text = _refused(settings, tried, unusable)
                    return Denied(f"{text}; the server closed the connection ({error})", _remedy(settings, unusable))
                unusable.append(_Unusable(f"{label} could not sign: {error}", "check the agent, or the key file"))
                continue
            return _further(link, settings, label, more, interview)
        if METHOD in _ways(link, settings):
            return _answered(settings, "answers", interview.hold(link))
        return Denied(_refused(settings, tried, unusable), _remedy(settings, unusable))
    finally:
        if agent is not None:
            agent.close()


def _ways(link: Link, settings: HostSettings) -> tuple[str, ...]:
    """How else the server lets this account in; (): it does not say."""
    try:
        return link.ways_in(settings.user)
    except (paramiko.SSHException, EOFError, OSError):
        return ()  # the refusal of the keys is what is told


def _no_keys(settings: HostSettings, error: paramiko.BadAuthenticationType) -> Denied:
    ways = ", ".join(filter(None, error.allowed_types)) or "nothing at all"
    return Denied(
        f"{settings.user}: the server takes no keys from this account, only {ways}",
        "allow PubkeyAuthentication for this account, or give the device a credential with its password",
    )


def _further(link: Link, settings: HostSettings, label: str, more: list[str], interview: Interview) -> str | Denied:
    """`label` was accepted; what the server wants besides can only be answers."""
    if METHOD in more:
        return _answered(settings, f"{label} and answers", interview.hold(link))
    return _answered(settings, label, more)


def _answered(settings: HostSettings, label: str, more: list[str]) -> str | Denied:
    if more:
        return Denied(
            f"{settings.user}: {label} was accepted, the server also wants {', '.join(more)}", "allow it alone"
        )
    return label


def _by_key(
    link: Link, settings: HostSettings, login: Login, key: paramiko.PKey | _Unusable, interview: Interview
) -> str | Denied:
    label = f"credential {login.name}"
    if isinstance(key, _Unusable):
        return Denied(f"{settings.user} was not let in: {key.why}", key.remedy)
    try:
        more = link.by_key(settings.user, key)
    except paramiko.BadAuthenticationType as error:
        return _no_keys(settings, error)
    except (paramiko.SSHException, EOFError, OSError) as error:
        return Denied(
            f"{settings.user} was not let in: refused: the key of {label} ({error})",
            f"put its public key into ~{settings.user}/.ssh/authorized_keys on the target, or give another credential",
        )
    return _further(link, settings, label, more, interview)


def _by_password(link: Link, settings: HostSettings, login: Login, interview: Interview) -> str | Denied:
    """As a password; else as the answer to the one prompt of a keyboard-interactive login that asks for it."""
    label = f"credential {login.name}"
    asked = _Asked(login.secret.reveal().decode("utf-8", "surrogateescape"))
    try:
        # asked first: a server that takes none need not see one
        ways = link.ways_in(settings.user)
        if not ways:
            return "nothing at all, the server asks for no proof"
        if "password" in ways:
            return _further(link, settings, label, link.by_password(settings.user, asked.password), interview)
        if METHOD not in ways:
            return Denied(
                f"{settings.user}: the server takes no passwords from this account, only {', '.join(ways)}; "
                "none was sent",
                "allow PasswordAuthentication for this account, or give the device a credential with a key",
            )
    except (paramiko.SSHException, EOFError, OSError) as error:
        return asked.denied(settings, label, error)
    try:
        return _answered(settings, label, interview.hold(link, asked.once))
    except NotLetIn as error:
        if asked.is_last:
            return asked.denied(settings, label, error)
        raise


#: in the languages in which PAM asks; a prompt for a new one is answered with nothing
_ASKS_FOR_PASSWORD = re.compile(
    r"password|passwort|kennwort|mot de passe|contraseña|senha|wachtwoord|hasło|пароль|lösenord|密码|パスワード",
    re.IGNORECASE,
)
_ASKS_FOR_MORE = re.compile(r"\b(new|retype|again|one[- ]time|otp|token|code|verification)\b", re.IGNORECASE)


class _Asked:
    """Answers one prompt for the password, once a try. Called in paramiko's reading thread."""

    def __init__(self, password: str) -> None:
        self.password = password
        self._is_given = False
        #: the password was the last that was given: what came after it refused it
        self.is_last = False

    def once(self) -> Own:
        """For one try."""
        self._is_given = False
        return self._answer

    def _answer(self, prompts: list[tuple[str, bool]]) -> list[str] | None:
        (text, is_shown), *others = prompts
        is_ours = _ASKS_FOR_PASSWORD.search(text) and not _ASKS_FOR_MORE.search(text)
        if others or is_shown or not is_ours or self._is_given:
            self.is_last = False
            return None
        self._is_given = self.is_last = True
        return [self.password]

    def denied(self, settings: HostSettings, label: str, error: Exception) -> Denied:
        return Denied(
            f"{settings.user} was not let in: the password of {label} was refused ({error})",
            "try it by hand; deployx credential rotate puts another one in",
        )


def _agent(settings: HostSettings, keys: KeyRing) -> paramiko.Agent | None:
    if not settings.use_agent or not os.environ.get("SSH_AUTH_SOCK"):
        return None
    if settings.only_these and all(isinstance(keys.load(path), paramiko.PKey) for path in settings.identities):
        return None  # the files do without it
    try:
        return paramiko.Agent()
    except (paramiko.SSHException, OSError):
        return None  # no agent answers there: the same as none, and the message names what was tried


def _shown_as(key: paramiko.PKey, blob: PublicBlob | None) -> paramiko.PKey:
    """The same key, that shows a certificate, or itself; keys of the ring are shared and stay as they are."""
    shown = AgentKey(key.agent, key.blob, key.comment) if isinstance(key, AgentKey) else copy.copy(key)
    shown.public_blob = blob
    return shown


def _with_certificates(
    label: str, key: paramiko.PKey, settings: HostSettings, unusable: list[_Unusable]
) -> Iterator[tuple[str, paramiko.PKey]]:
    """A key as the certificates that are about it, then as itself."""
    if isinstance(key, AgentKey) and key.name.endswith(certificates.SUFFIX):
        # the agent lists a certificate as an identity of its own, beside its key
        yield f"{label} with its certificate", _shown_as(key, PublicBlob(key.name, key.blob))
        return
    plain = _shown_as(key, None)
    beside = [key.public_blob] if key.public_blob is not None else []
    for path in settings.certificates:
        try:
            blob = PublicBlob.from_string(read_plain(path).decode())
            is_ours = certificates.plain_key(blob.key_blob) == plain.asbytes()
        except (OSError, ValueError, UnicodeDecodeError, paramiko.SSHException) as error:
            why = _Unusable(f"{path} is not a certificate that can be read: {error}", "mend CertificateFile")
            if why not in unusable:
                unusable.append(why)
            continue
        if is_ours and blob not in beside:
            beside.append(blob)
    for blob in beside:
        if blob.key_type.endswith(certificates.SUFFIX):
            yield f"{label} with its certificate", _shown_as(key, blob)
    yield label, plain


def _offers(
    settings: HostSettings, keys: KeyRing, agent: paramiko.Agent | None, unusable: list[_Unusable]
) -> Iterator[tuple[str, paramiko.PKey]]:
    """The agent's keys before the default files; files that the configuration names before the agent's."""
    offered: set[bytes] = set()
    wanted = {blob for path in settings.identities if (blob := _public(path)) is not None}
    from_agent = [] if agent is None else list(agent.get_keys())
    # an encrypted file whose key the agent holds: that is the key that was asked for
    ordered = [key for key in from_agent if key.asbytes() in wanted]
    if not settings.only_these:
        ordered += [key for key in from_agent if key.asbytes() not in wanted]
    held = {key.asbytes() for key in from_agent}
    for key in ordered:
        offered.add(key.asbytes())
        label = f"the agent's {key.get_name().removesuffix(certificates.SUFFIX)} key"
        yield from _with_certificates(label, key, settings, unusable)
    for path in settings.identities:
        if _public(path) in held:
            continue
        found = keys.load(path)
        if isinstance(found, paramiko.PKey):
            if found.asbytes() not in offered:
                yield from _with_certificates(str(path), found, settings, unusable)
        elif found is not None:
            unusable.append(found)
        elif settings.only_these:
            unusable.append(_Unusable(f"{path} does not exist", "name another key (device edit NAME --key FILE)"))


def _public(path: Path) -> bytes | None:
    """The blob in the .pub file beside a private key."""
    try:
        words = read_plain(path.with_name(path.name + ".pub")).decode().split()
        return PublicBlob.from_string(" ".join(words[:2])).key_blob
    except (OSError, ValueError, IndexError):
        return None


def _refused(settings: HostSettings, tried: list[str], unusable: list[_Unusable]) -> str:
    what = f"refused: {', '.join(tried)}" if tried else "there was no key to offer"
    return "; ".join([f"{settings.user} was not let in: {what}", *(key.why for key in unusable)])


def _remedy(settings: HostSettings, unusable: list[_Unusable]) -> str:
    if unusable:
        return unusable[0].remedy
    return (
        f"put the public key into ~{settings.user}/.ssh/authorized_keys on the target, or give another user or key file"
    )
