"""Which host key belongs to which host: known_hosts files, read into a dict, and what a policy makes of a key.

Ours is `config_folder()/known_hosts`; the account's own and the machine's are read beside it and never written. Where
ours names a host, it alone says the key (that is how a person replaces one); a `@revoked` line anywhere wins.

Own parser, because paramiko's is quadratic (10,000 entries: 9.5 s to load, 162 ms a look-up) and raises on markers.
Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import dataclasses
import fnmatch
import hashlib
import hmac
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from deployx_tui.filelock import FileLock
from deployx_tui.model.device import HostKeyPolicy, OfferedKey
from deployx_tui.plain_file import read_plain

DEFAULT_PORT = 22
#: bytes of a known_hosts file: some 100,000 hosts with three keys each
_LARGEST = 64 << 20


class Standing(Enum):
    """What known_hosts says of an offered key."""

    KNOWN = "known"
    #: nothing is known of this host
    UNKNOWN = "unknown"
    #: another key is known for this host
    CHANGED = "changed"
    #: a @revoked line names this key
    REVOKED = "revoked"
    #: only a @cert-authority line covers the host, and no certificate of it was shown that holds
    AUTHORITY_ONLY = "authority only"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with an offered key."""

    accepted: bool
    #: it was unknown and the policy takes it: keep it
    keep: bool
    message: str
    remedy: str
    offered: OfferedKey


@dataclass(frozen=True, slots=True)
class _Key:
    marker: str
    key_type: str
    #: the base64 text as it stands in the file
    text: str


@dataclass(slots=True)
class _File:
    """One file as it was at `stamp`."""

    stamp: tuple[int, int, int] | None
    by_name: dict[str, list[_Key]] = field(default_factory=dict)
    #: lines whose host field has a wildcard or a negation
    by_pattern: list[tuple[tuple[str, ...], _Key]] = field(default_factory=list)
    #: (salt, digest, key)
    hashed: list[tuple[bytes, bytes, _Key]] = field(default_factory=list)
    #: name -> keys of `hashed` that fit it: one HMAC per entry and name, once
    hashed_names: dict[str, tuple[_Key, ...]] = field(default_factory=dict)

    def keys_of(self, name: str) -> list[_Key]:
        found = list(self.by_name.get(name, ()))
        found += [key for patterns, key in self.by_pattern if _matches(patterns, name)]
        if self.hashed:
            if name not in self.hashed_names:
                raw = name.encode()
                self.hashed_names[name] = tuple(
                    key
                    for salt, digest, key in self.hashed
                    if hmac.compare_digest(hmac.digest(salt, raw, "sha1"), digest)
                )
            found += self.hashed_names[name]
        return found


@dataclass(slots=True)
class _Known:
    """What the files say of one name."""

    keys: list[_Key]
    #: base64 texts
    revoked: set[str]
    #: blobs of the keys that may sign for it
    authorities: set[bytes]


class KnownHosts:
    """Our file and those read beside it. Thread-safe; files are read again when they change."""

    def __init__(
        self, ours: Path, beside: Iterable[Path] = (), now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.ours = ours
        self._now = now
        self._beside = tuple(beside)
        self._files: dict[Path, _File] = {}
        self._lock = threading.Lock()

    def standing(
        self,
        host: str,
        port: int,
        key: bytes,
        beside: tuple[Path, ...] | None = None,
        *,
        certificate: bytes | None = None,
    ) -> Standing:
        """What is known of this key. `beside` replaces the files beside ours (UserKnownHostsFile).

        `certificate`: the one that was shown with it. As with `ssh`, the key itself counts where it does not hold.
        """
        known = self._known(host, port, beside)
        text = base64.b64encode(key).decode()
        if text in known.revoked or (certificate is not None and _signer(certificate) in known.revoked):
            return Standing.REVOKED
        if certificate is not None and known.authorities and self._objection(known, host, certificate) is None:
            return Standing.KNOWN
        if any(each.text == text for each in known.keys):
            return Standing.KNOWN
        if known.keys:
            return Standing.CHANGED
        return Standing.AUTHORITY_ONLY if known.authorities else Standing.UNKNOWN

    def has_authority(self, host: str, port: int, beside: tuple[Path, ...] | None = None) -> bool:
        """A @cert-authority line covers the host: ask the server for a certificate first."""
        return bool(self._known(host, port, beside).authorities)

    def key_types(self, host: str, port: int, beside: tuple[Path, ...] | None = None) -> tuple[str, ...]:
        """Types of the keys known for a host: ask the server for these first."""
        return tuple(dict.fromkeys(key.key_type for key in self._known(host, port, beside).keys))

    def judge(
        self,
        policy: HostKeyPolicy,
        host: str,
        port: int,
        key_type: str,
        key: bytes,
        beside: tuple[Path, ...] | None = None,
        *,
        certificate: bytes | None = None,
    ) -> Verdict:
        """What a policy makes of an offered key when nobody can be asked. A changed key is refused under each."""
        offered = OfferedKey(fingerprint=fingerprint(key), key_type=key_type, key=base64.b64encode(key).decode())
        where = name_of(host, port)
        try:
            standing = self.standing(host, port, key, beside, certificate=certificate)
            known = self._known(host, port, beside)
            if standing is Standing.CHANGED:
                offered = dataclasses.replace(offered, known_fingerprint=_fingerprint_of(known.keys))
            why_not = (
                self._objection(known, host, certificate)
                if certificate is not None and known.authorities
                else "the server shows no certificate of the host"
            )
        except OSError as error:
            message = f"the known host keys can't be read: {error}"
            return Verdict(False, False, message, "make the file readable for the engine's account", offered)
        check = f"compare {offered.fingerprint} with the machine itself, then: deployx device trust"
        match standing:
            case Standing.KNOWN if why_not is None and certificate is not None:
                message = f"{key_type} {offered.fingerprint} is certified as {_key_id(certificate)!r}"
                return Verdict(True, False, message, "", offered)
            case Standing.KNOWN:
                return Verdict(True, False, f"{key_type} {offered.fingerprint} is known", "", offered)
            case Standing.CHANGED:
                message = (
                    f"THE HOST KEY OF {where} HAS CHANGED: {key_type} {offered.fingerprint} was offered, "
                    f"{offered.known_fingerprint} is known; somebody may be listening in, or it was installed anew"
                )
                return Verdict(False, False, message, f"{check} --fingerprint {offered.fingerprint}", offered)
            case Standing.REVOKED:
                message = f"{offered.fingerprint}, the host key of {where}, or its authority is marked @revoked"
                return Verdict(False, False, message, "give the host a new key", offered)
            case Standing.AUTHORITY_ONLY:
                message = f"{where} is known by a @cert-authority line only, and {why_not}"
                remedy = f"have the authority certify the host's key; or {check}"
                return Verdict(False, False, message, remedy, offered)
            case Standing.UNKNOWN:
                message = f"the host key of {where} is not known: {key_type} {offered.fingerprint}"
                if policy is HostKeyPolicy.ACCEPT_NEW:
                    return Verdict(True, True, message + "; kept, as accept-new says", "", offered)
                return Verdict(False, False, message, check, offered)

    def trust(self, host: str, port: int, key_type: str, key: str) -> tuple[str, ...]:
        """Keep this key as the host's only known one, in our file.

        `key` is base64 text. Returns the fingerprints of keys in our file that it replaced. Raises ValueError for a
        key that is none.
        """
        try:
            blob = base64.b64decode(key, validate=True)
        except binascii.Error as error:
            raise ValueError(f"not the base64 text of a key: {error}") from error
        name = name_of(host, port)
        with self._lock, _only_writer(self.ours):
            old = self._read(self.ours).keys_of(name)
            kept = [line for line in _lines_of(self.ours) if not _names(line, name)]
            _replace(self.ours, [*kept, f"{name} {key_type} {base64.b64encode(blob).decode()}"])
            self._files.pop(self.ours, None)
        return tuple(fingerprint(base64.b64decode(k.text)) for k in old if not k.marker and k.text != key)

    def keep(self, host: str, port: int, key_type: str, key: bytes, beside: tuple[Path, ...] | None = None) -> bool:
        """Add the first key seen of a host to our file. False: another key became known meanwhile."""
        with self._lock, _only_writer(self.ours):
            self._files.pop(self.ours, None)
            keys = self._look(name_of(host, port), beside).keys
            text = base64.b64encode(key).decode()
            if not keys:
                _replace(self.ours, [*_lines_of(self.ours), f"{name_of(host, port)} {key_type} {text}"])
                self._files.pop(self.ours, None)
                return True
        return any(known.text == text for known in keys)

    def _known(self, host: str, port: int, beside: tuple[Path, ...] | None) -> _Known:
        name = name_of(host, port)
        with self._lock:
            known = self._look(name, beside)
            if name != host.lower():
                # as ssh does: who may sign for a host may do so for each of its ports
                known.authorities |= self._look(host.lower(), beside).authorities
        return known

    def _look(self, name: str, beside: tuple[Path, ...] | None) -> _Known:
        """Holds the lock."""
        files = [self._read(path) for path in (self.ours, *(self._beside if beside is None else beside))]
        found = [file.keys_of(name) for file in files]
        everything = [key for keys in found for key in keys]
        plain = [[key for key in keys if not key.marker] for keys in found]
        # where ours names the host, it alone says the key
        counting = plain[0] or [key for keys in plain for key in keys]
        revoked = {key.text for key in everything if key.marker == "@revoked"}
        authorities = {blob for key in everything if key.marker == "@cert-authority" and (blob := _blob(key.text))}
        return _Known(counting, revoked, authorities)

    def _objection(self, known: _Known, host: str, certificate: bytes) -> str | None:
        from deployx_tui.transports import certificates  # noqa: PLC0415 - loads cryptography, which few hosts need

        return certificates.objection(certificate, host, known.authorities, self._now())

    def _read(self, path: Path) -> _File:
        """Parsed contents, as fresh as the file. Holds the lock."""
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        except FileNotFoundError:
            stamp = None
        held = self._files.get(path)
        if held is None or held.stamp != stamp:
            held = _parse(_lines_of(path), stamp)
            self._files[path] = held
        return held


def name_of(host: str, port: int) -> str:
    """As known_hosts writes it: the bare name on port 22, else "[name]:port"; lower case."""
    host = host.lower()
    return host if port == DEFAULT_PORT else f"[{host}]:{port}"


def fingerprint(key: bytes) -> str:
    """SHA256:..., as OpenSSH prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _blob(text: str) -> bytes:
    """b"": a line that OpenSSH would not read either."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def _key_id(certificate: bytes) -> str:
    from deployx_tui.transports import certificates  # noqa: PLC0415 - loads cryptography, which few hosts need

    return certificates.key_id(certificate)


def _signer(certificate: bytes) -> str:
    """Base64 text of the authority's key; "": it can't be read."""
    from deployx_tui.transports import certificates  # noqa: PLC0415 - loads cryptography, which few hosts need

    try:
        return base64.b64encode(certificates.signer(certificate)).decode()
    except ValueError:
        return ""


def _fingerprint_of(known: list[_Key]) -> str | None:
    if not known:
        return None
    try:
        return fingerprint(base64.b64decode(known[0].text))
    except binascii.Error:
        return "a key that can't be read"


def _parse(lines: Iterable[str], stamp: tuple[int, int, int] | None) -> _File:
    parsed = _File(stamp)
    for line in lines:
        words = line.split(None, 4)
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#"):
            continue
        names, key = words[0], _Key(marker, words[1], words[2])
        if names.startswith("|"):
            _add_hashed(parsed, names, key)
        elif any(character in names for character in "*?!"):
            parsed.by_pattern.append((tuple(names.lower().split(",")), key))
        else:
            for name in names.lower().split(","):
                parsed.by_name.setdefault(name, []).append(key)
    return parsed


def _add_hashed(parsed: _File, names: str, key: _Key) -> None:
    parts = names.split("|")
    if len(parts) == 4 and parts[1] == "1":  # |1|salt|digest: HMAC-SHA1, the only kind there is
        with contextlib.suppress(binascii.Error):  # a line that OpenSSH would not read either
            parsed.hashed.append((base64.b64decode(parts[2]), base64.b64decode(parts[3]), key))


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    """OpenSSH's list: any pattern fits and no negated one does."""
    hit = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        # brackets are literal in known_hosts: "[name]:port"
        if fnmatch.fnmatchcase(name, pattern.removeprefix("!").replace("[", "[[]")):
            if negated:
                return False
            hit = True
    return hit


def _names(line: str, name: str) -> bool:
    """Whether a line without marker in our own file (one plain name a line) is about this name."""
    words = line.split()
    return bool(words) and not words[0].startswith(("@", "#")) and bool(_parse([line], None).keys_of(name))


def _lines_of(path: Path) -> list[str]:
    """Lines of a file; none when there is no such file.

    A file that is there and can't be read raises OSError: taken for empty, accept-new would accept a changed key.
    """
    try:
        return read_plain(path, _LARGEST).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []


@contextlib.contextmanager
def _only_writer(path: Path) -> Iterator[None]:
    """One writer at a time, also among processes."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(path.with_name(path.name + ".lock"))
    lock.take(wait=True)
    try:
        yield
    finally:
        lock.release()


def _replace(path: Path, lines: list[str]) -> None:
    """Written beside and renamed (0600): a reader sees the old file or the new one, never a part."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
