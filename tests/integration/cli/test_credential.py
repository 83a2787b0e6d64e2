"""`deployx credential` and `deployx vault`: how a secret goes in, and that it never comes out."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import asyncssh
import click
import pytest

from deployx_tui.cli.root import root
from tests.integration.cli.conftest import Cli

SECRET = "correct horse battery staple"


def add(cli: Cli, name: str = "web-login", *more: str, secret: str = SECRET) -> None:
    cli("credential", "add", name, "--kind", "password", "--stdin", *more, stdin=secret + "\n")


def said(cli: Cli, *words: str, status: int = 0, stdin: str = "") -> str:
    answer = cli(*words, status=status, stdin=stdin)
    return answer.out + answer.err


def test_the_first_secret_makes_the_vault_and_says_once_what_to_keep_a_copy_of(cli: Cli) -> None:
    assert "empty" in said(cli, "vault", "status")
    key = cli.folder / "config" / "vault.key"
    first = cli("credential", "add", "one", "--kind", "sudo", "--stdin", stdin=SECRET)
    assert f"keep a copy of {key}" in first.err
    assert key.stat().st_mode & 0o777 == 0o400
    second = cli("credential", "add", "two", "--kind", "sudo", "--stdin", stdin=SECRET)
    assert "keep a copy" not in second.err
    shown = said(cli, "vault", "status")
    assert "open" in shown
    assert str(key) in shown


def test_no_answer_shows_a_secret_and_no_command_takes_one_as_an_argument(cli: Cli) -> None:
    add(cli, "web-login", "--user", "deploy", "--group", "web", "--description", "of the fronts")
    texts = [
        said(cli, "credential", "list"),
        said(cli, "credential", "list", "--json"),
        said(cli, "credential", "test", "web-login"),
        said(cli, "credential", "rotate", "web-login", "--stdin", stdin=f"{SECRET} 2"),
        said(cli, "vault", "status", "--json"),
        said(cli, "credential", "add", "x", "--kind", "password", "--stdin", stdin="s3cr!", status=2),
        said(cli, "credential", "rm", "web-login", "--yes"),
    ]
    for text in texts:
        assert SECRET not in text
        assert "s3cr!" not in text
    noun = root.get_command(click.Context(root), "credential")
    assert isinstance(noun, click.Group)
    for name, command in noun.commands.items():
        for option in ("secret", "password", "passphrase", "value"):
            assert option not in [parameter.name for parameter in command.params], name


def test_a_secret_is_not_taken_from_nobody(cli: Cli) -> None:
    for words in (["--no-input"], []):
        answer = cli("credential", "add", "x", "--kind", "password", *words, status=2)
        assert "--stdin" in answer.err
    answer = cli("credential", "add", "x", "--kind", "password", "--stdin", stdin="\n", status=2)
    assert "standard input is empty" in answer.err
    assert cli("credential", "list", "--json").document == []


def test_a_key_comes_with_its_passphrase_on_the_line_after_it(cli: Cli) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    text = key.export_private_key(passphrase="the passphrase").decode()
    add_key = ("credential", "add", "prod", "--kind", "ssh-key", "--stdin")
    assert "encrypted" in cli(*add_key, stdin=text, status=2).err
    assert "does not open with it" in cli(*add_key, stdin=text + "not this one\n", status=2).err
    cli(*add_key, stdin=text + "the passphrase\n")
    shown = cli("credential", "test", "prod").out
    assert key.get_fingerprint() in shown
    assert "with its passphrase" in shown


def test_a_device_names_a_credential_and_each_shows_the_other(cli: Cli) -> None:
    add(cli)
    cli("device", "add", "edge", "--address", "192.0.2.9", "--credential", "web-login")
    assert "web-login (ssh login)" in cli("device", "show", "edge").out
    assert "edge" in cli("credential", "list").out
    assert cli("device", "show", "edge", "--json").document["credential_ids"] == [1]
    warned = cli("credential", "rm", "web-login", status=2)
    assert "--yes" in warned.err
    assert "used by 1: edge" in warned.err
    cli("device", "edit", "edge", "--credential", "none")
    assert cli("device", "show", "edge", "--json").document["credential_ids"] == []
    assert "not found" in cli("device", "edit", "edge", "--credential", "nobody", status=3).err


def test_a_new_master_key_is_asked_for_and_the_old_one_is_named_first(cli: Cli) -> None:
    add(cli)
    refused = cli("vault", "rotate-master", status=2)
    assert "vault.key first" in refused.err
    before = (cli.folder / "config" / "vault.key").read_bytes()
    answer = cli("vault", "rotate-master", "--yes")
    assert "new key" in answer.out
    assert (cli.folder / "config" / "vault.key").read_bytes() != before
    assert "✓" in cli("credential", "test", "web-login").out
    (kept,) = (cli.folder / "config").glob("vault.key.*")
    assert kept.read_bytes() == before
    assert f"the key before stays for other databases and copies from before: {kept}" in answer.err


def test_a_rotation_of_one_database_leaves_the_secrets_of_another_of_the_same_folder(cli: Cli) -> None:
    second = ("--db", f"sqlite:///{cli.folder / 'data' / 'second.db'}")
    add(cli)
    cli(*second, "credential", "add", "theirs", "--kind", "sudo", "--stdin", stdin=SECRET)
    cli("vault", "rotate-master", "--yes")
    assert "✓" in cli(*second, "credential", "test", "theirs").out
    (kept,) = (cli.folder / "config").glob("vault.key.*")
    assert f"key file {kept}" in cli(*second, "vault", "status").out
    assert "a file of its own" in cli(*second, "vault", "rotate-master", "--yes", status=1).err
    assert "✓" in cli("credential", "test", "web-login").out


def test_a_vault_without_its_key_says_so_everywhere(cli: Cli) -> None:
    add(cli)
    key = cli.folder / "config" / "vault.key"
    key.rename(cli.folder / "aside")
    assert "locked" in said(cli, "vault", "status", status=1)
    assert "vault.key is missing" in said(
        cli, "credential", "add", "y", "--kind", "sudo", "--stdin", stdin=SECRET, status=5
    )
    assert "vault.key is missing" in said(cli, "credential", "test", "web-login", status=1)
    assert "✗ bad" in said(cli, "doctor", status=1)
    (cli.folder / "aside").rename(key)
    key.chmod(0o440)
    doctor = said(cli, "doctor", status=1)
    assert "others may use it" in doctor
    cli("doctor", "--fix")
    assert key.stat().st_mode & 0o777 == 0o400
    assert "web-login" in cli("credential", "list").out


def test_a_passphrase_that_the_settings_choose_opens_the_vault(cli: Cli) -> None:
    refused = cli("vault", "unlock", "--stdin", stdin="a long passphrase", status=1)
    assert "is not a passphrase" in refused.err
    (cli.folder / "config" / "deployx.toml").write_text('vault_key = "passphrase"\n')
    assert (
        "choose the vault's passphrase"
        in cli("credential", "add", "x", "--kind", "sudo", "--stdin", stdin=SECRET, status=5).err
    )
    assert "shorter than 12" in cli("vault", "unlock", "--stdin", stdin="short", status=2).err


@pytest.mark.parametrize("kind", ["password", "ssh-key"])
def test_at_a_terminal_a_secret_is_asked_for_and_nothing_of_it_is_shown(cli: Cli, kind: str) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519").export_private_key(passphrase="the passphrase").decode()
    answers = [SECRET + "\n", SECRET + "\n"] if kind == "password" else [key, "the passphrase\n"]
    prompts = [b"Password: ", b"Repeat"] if kind == "password" else [b"END line", b"Passphrase"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "deployx_tui", "--in-process", "credential", "add", "x", "--kind", kind],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        cwd=Path(__file__).parents[3],
    )
    os.close(theirs)
    shown = b""
    for prompt, answer in zip(prompts, answers, strict=True):
        shown += read_until(ours, prompt)
        os.write(ours, answer.encode())
    shown += read_until(ours, None)
    assert process.wait(60) == 0, shown
    assert b"made credential x" in shown
    for secret in (SECRET, "the passphrase", key.splitlines()[1]):
        assert secret.encode() not in shown
    os.close(ours)


def read_until(descriptor: int, words: bytes | None) -> bytes:
    """What a terminal shows up to these words, or to its end."""
    seen = b""
    while words is None or words not in seen:
        try:
            piece = os.read(descriptor, 4096)
        except OSError:  # its other end is closed
            return seen
        if not piece:
            return seen
        seen += piece
    return seen


def a_run_that_waits_for_the_vault(cli: Cli) -> tuple[subprocess.Popen[str], Path]:
    """Its process, once it said so, and where the key has to be put back from."""
    add(cli)
    cli("device", "add", "edge", "--address", "192.0.2.9", "--credential", "web-login", "--host-key-policy", "strict")
    aside = (cli.folder / "config" / "vault.key").rename(cli.folder / "aside")
    process = subprocess.Popen(
        [sys.executable, "-m", "deployx_tui", "--in-process", "run", "--on", "edge", "--", "true"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "DEPLOYX_CONNECT_TIMEOUT": "1s"},
        cwd=Path(__file__).parents[3],
        text=True,
    )
    assert process.stderr is not None
    said = ""
    while "waits for vault" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return process, aside


def test_after_the_loss_of_the_key_the_vault_begins_anew_once_nothing_is_sealed_with_it(cli: Cli) -> None:
    add(cli)
    key = cli.folder / "config" / "vault.key"
    key.unlink()
    assert "missing" in cli("credential", "add", "x", "--kind", "sudo", "--stdin", stdin="something", status=5).err
    assert not key.exists(), "what is sealed could still be read with the old key"
    cli("credential", "rm", "web-login", "--yes")
    assert "empty" in said(cli, "vault", "status")
    cli("credential", "add", "x", "--kind", "sudo", "--stdin", stdin="something")
    assert key.exists()
    assert "open" in said(cli, "vault", "status")


def test_a_run_that_waits_for_the_vault_says_so_and_goes_on_when_the_key_is_back(cli: Cli) -> None:
    process, aside = a_run_that_waits_for_the_vault(cli)
    listing = [sys.executable, "-m", "deployx_tui", "execution", "list", "--limit", "1"]
    shown = subprocess.run(listing, capture_output=True, check=True, cwd=Path(__file__).parents[3], text=True)
    assert "waits for vault" in shown.stdout
    aside.rename(cli.folder / "config" / "vault.key")
    out, err = process.communicate(timeout=120)
    # it went on, to a host that is not there
    assert process.returncode == 1, out + err
    assert "waits for vault" not in cli("execution", "list", "--limit", "1").out


def test_a_run_that_is_cancelled_while_it_waits_for_the_vault_says_that(cli: Cli) -> None:
    process, _ = a_run_that_waits_for_the_vault(cli)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert out.splitlines()[-2:] == ["#2 ad hoc: true: cancelled", "cancelled while it waited for the vault"], out + err
    assert "cancelled while it waited for the vault" in cli("execution", "list", "--limit", "1").out
