"""known_hosts: what each kind of line means, and that a changed key never passes."""

from __future__ import annotations

import base64
import hmac
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deployx_tui.model.device import HostKeyPolicy
from deployx_tui.transports.hostkeys import KnownHosts, Standing, fingerprint

TYPE = "ssh-ed25519"


def key(number: int) -> bytes:
    return b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + bytes([number]) * 32


def line(names: str, number: int, marker: str = "") -> str:
    return f"{marker} {names} {TYPE} {base64.b64encode(key(number)).decode()} a comment\n".lstrip()


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return tmp_path / "theirs"


@pytest.fixture
def known(tmp_path: Path, theirs: Path) -> KnownHosts:
    return KnownHosts(tmp_path / "config" / "known_hosts", (theirs,))


@pytest.mark.parametrize("policy", list(HostKeyPolicy))
def test_a_changed_key_is_refused_under_each_policy(known: KnownHosts, theirs: Path, policy: HostKeyPolicy) -> None:
    theirs.write_text(line("web01", 1))
    verdict = known.judge(policy, "web01", 22, TYPE, key(2))
    assert not verdict.accepted
    assert "HAS CHANGED" in verdict.message
    assert verdict.offered.known_fingerprint == fingerprint(key(1))


def test_a_key_of_another_type_than_the_known_one_is_a_changed_key(known: KnownHosts, theirs: Path) -> None:
    theirs.write_text(line("web01", 1).replace(TYPE, "ssh-rsa", 1))
    assert known.standing("web01", 22, key(2)) is Standing.CHANGED
    assert known.key_types("web01", 22) == ("ssh-rsa",)


def test_an_unknown_key_is_refused_by_ask_and_strict_and_kept_by_accept_new(known: KnownHosts) -> None:
    assert not known.judge(HostKeyPolicy.ASK, "web01", 22, TYPE, key(1)).accepted
    assert not known.judge(HostKeyPolicy.STRICT, "web01", 22, TYPE, key(1)).accepted
    verdict = known.judge(HostKeyPolicy.ACCEPT_NEW, "web01", 22, TYPE, key(1))
    assert verdict.accepted
    assert verdict.keep
    assert known.keep("web01", 22, TYPE, key(1))
    assert known.judge(HostKeyPolicy.STRICT, "web01", 22, TYPE, key(1)).accepted
    assert not known.judge(HostKeyPolicy.ACCEPT_NEW, "web01", 22, TYPE, key(2)).accepted


def test_of_two_first_keys_at_once_only_one_is_kept(known: KnownHosts) -> None:
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda n: known.keep("web01", 22, TYPE, key(n)), range(1, 9)))
    assert sum(kept) == 1


@pytest.mark.parametrize(
    ("names", "host", "port", "standing"),
    [
        ("web01", "web01", 22, Standing.KNOWN),
        ("web01", "WEB01", 22, Standing.KNOWN),
        ("web01", "web01", 2222, Standing.UNKNOWN),
        ("[web01]:2222", "web01", 2222, Standing.KNOWN),
        ("[web01]:2222", "web01", 22, Standing.UNKNOWN),
        ("other,web01,10.0.0.1", "10.0.0.1", 22, Standing.KNOWN),
        ("*.example.com", "a.example.com", 22, Standing.KNOWN),
        ("*.example.com,!b.example.com", "b.example.com", 22, Standing.UNKNOWN),
        ("[*.example.com]:2222", "a.example.com", 2222, Standing.KNOWN),
        ("web0?", "web07", 22, Standing.KNOWN),
        ("w[e]b01", "web01", 22, Standing.UNKNOWN),
    ],
)
def test_names_patterns_and_ports(
    known: KnownHosts, theirs: Path, names: str, host: str, port: int, standing: Standing
) -> None:
    theirs.write_text("# a comment\n\n" + line(names, 1))
    assert known.standing(host, port, key(1)) is standing


def test_a_revoked_key_is_refused_even_when_another_line_knows_it(known: KnownHosts, theirs: Path) -> None:
    theirs.write_text(line("web01", 1) + line("*", 1, "@revoked"))
    assert known.standing("web01", 22, key(1)) is Standing.REVOKED
    assert not known.judge(HostKeyPolicy.ACCEPT_NEW, "web01", 22, TYPE, key(1)).accepted


def test_a_certificate_authority_line_never_accepts_a_plain_key(known: KnownHosts, theirs: Path) -> None:
    theirs.write_text(line("*.example.com", 1, "@cert-authority"))
    for number in (1, 2):
        verdict = known.judge(HostKeyPolicy.ACCEPT_NEW, "a.example.com", 22, TYPE, key(number))
        assert not verdict.accepted
        assert "@cert-authority" in verdict.message


def test_our_file_wins_over_the_accounts_own(known: KnownHosts, theirs: Path) -> None:
    theirs.write_text(line("web01", 1))
    assert known.trust("web01", 22, TYPE, base64.b64encode(key(2)).decode()) == ()
    assert known.standing("web01", 22, key(2)) is Standing.KNOWN
    assert known.standing("web01", 22, key(1)) is Standing.CHANGED
    assert theirs.read_text() == line("web01", 1)


def test_trusting_a_key_replaces_the_one_in_our_file_and_says_which(known: KnownHosts) -> None:
    known.keep("web01", 22, TYPE, key(1))
    known.keep("web02", 22, TYPE, key(3))
    assert known.trust("web01", 22, TYPE, base64.b64encode(key(2)).decode()) == (fingerprint(key(1)),)
    assert known.standing("web01", 22, key(1)) is Standing.CHANGED
    assert known.standing("web02", 22, key(3)) is Standing.KNOWN
    assert stat.S_IMODE(known.ours.stat().st_mode) == 0o600


def test_a_text_that_is_no_key_is_not_trusted(known: KnownHosts) -> None:
    with pytest.raises(ValueError, match="base64"):
        known.trust("web01", 22, TYPE, "not base64!")
    assert not known.ours.exists()


def test_a_file_that_can_not_be_read_accepts_nothing(known: KnownHosts, theirs: Path) -> None:
    theirs.mkdir()  # root reads any file; a folder can't be read as one by anybody
    verdict = known.judge(HostKeyPolicy.ACCEPT_NEW, "web01", 22, TYPE, key(1))
    assert not verdict.accepted
    assert "can't be read" in verdict.message


def test_a_change_by_somebody_else_is_seen_at_the_next_look(known: KnownHosts, theirs: Path) -> None:
    theirs.write_text(line("web01", 1))
    assert known.standing("web01", 22, key(1)) is Standing.KNOWN
    theirs.write_text(line("web01", 2) + line("web02", 2))
    assert known.standing("web01", 22, key(1)) is Standing.CHANGED


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen makes the hashed file")
def test_hashed_entries_as_openssh_writes_them(known: KnownHosts, theirs: Path) -> None:
    theirs.write_text(line("web01", 1) + line("[web02]:2222", 2))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(theirs)], check=True, capture_output=True)
    assert "web01" not in theirs.read_text()
    assert known.standing("web01", 22, key(1)) is Standing.KNOWN
    assert known.standing("web01", 22, key(2)) is Standing.CHANGED
    assert known.standing("web02", 2222, key(2)) is Standing.KNOWN
    assert known.standing("web03", 22, key(1)) is Standing.UNKNOWN


def test_a_hashed_file_costs_one_digest_per_entry_and_name(
    known: KnownHosts, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    salt = base64.b64encode(b"s" * 20).decode()
    theirs.write_text("".join(line(f"|1|{salt}|{base64.b64encode(bytes([n]) * 20).decode()}", n) for n in range(50)))
    digests: list[bytes] = []
    real = hmac.digest

    def counted(salt: bytes, raw: bytes, kind: str) -> bytes:
        digests.append(raw)
        return real(salt, raw, kind)

    monkeypatch.setattr("deployx_tui.transports.hostkeys.hmac.digest", counted)
    for _ in range(3):
        known.standing("web01", 22, key(1))
        known.standing("web02", 22, key(1))
    assert len(digests) == 100
