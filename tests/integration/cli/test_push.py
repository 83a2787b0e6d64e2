"""Files from the command line: `push`, tasks that put files, `task check` and `execution rollback`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.conftest import Cli


@pytest.fixture
def here(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a person stands in, with a file and a folder."""
    folder = cli.folder / "here"
    (folder / "www").mkdir(parents=True)
    (folder / "app.conf").write_text("listen = 8080\n")
    (folder / "www" / "index.html").write_text("<html>")
    monkeypatch.chdir(folder)
    return folder


def payload_of(cli: Cli, task: str) -> Any:
    return cli("task", "show", task, "--json").document["payload"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["push", "--on", "web01", "--to", "/srv/"], "FILE: there is nothing to send"),
        (["push", "--on", "web01", "app.conf"], "--to: it is not said where"),
        (["push", "--on", "web01", "--to", "/srv/", "nowhere"], "FILE: "),
        (["push", "--on", "web01", "--to", "srv", "app.conf"], "--to: it is not an absolute path"),
        (["push", "--on", "web01", "--to", "/srv/", "--mode", "rw", "app.conf"], "--mode: "),
        (["push", "--on", "web01", "--to", "/srv/", "--owner", "-R", "app.conf"], "--owner: "),
        (["push", "--on", "web01", "--to", "/srv/", "--owner", ":", "app.conf"], "--owner: "),
        (["push", "--on", "web01", "--to", "/srv/", "--backups", "99", "app.conf"], "--backups: "),
        (["push", "--on", "web01", "--to", "/srv/", "--to-on", "linux", "app.conf"], "--to-on: "),
        (["push", "--on", "web01", "--to", "/srv/", "--to-on", "Linux=/x", "app.conf"], "--to-on: "),
        (["push", "--on", "web01", "--to", "/srv/", "--delete-extra", "app.conf"], "--delete-extra: "),
        (["push", "--on", "web01", "--to", "/srv/", "--max-deletions", "900", "www"], "--max-deletions: "),
        (["push", "--on", "web01", "--to", "/srv/", "--post", " ", "app.conf"], "--post: "),
        (["push", "--on", "web01", "--to", "/srv/", "app.conf", "www/../app.conf"], "FILE: "),
        (["push", "--on", "none*", "--to", "/srv/", "app.conf"], "--on: "),
        (["task", "add", "x", "--on", "web", "--daily", "1:00", "--push", "app.conf"], "--to: it is not said where"),
        (["task", "add", "x", "--on", "web", "--daily", "1:00", "--to", "/srv/"], "--push: there is nothing to send"),
        (["task", "add", "x", "--on", "web", "--daily", "1:00", "--push", "no", "--to", "/x/"], "--push: "),
        (
            [
                "task",
                "add",
                "x",
                "--on",
                "web",
                "--daily",
                "1:00",
                "--push",
                "app.conf",
                "--to",
                "/x/",
                "--shell",
                "sh",
            ],
            "--shell: --push is there too",
        ),
        (
            ["task", "edit", "nightly-backup", "--push", "app.conf", "--to", "/x/"],
            "--push: the task does",
        ),
        (["task", "edit", "nightly-backup", "--swap"], "--swap: the task does something else"),
    ],
)
def test_what_can_not_be_sent_is_told_by_its_flag(cli: Cli, here: Path, words: list[str], says: str) -> None:
    assert f"error: {says}" in cli(*words, status=2).err


def test_what_is_wrong_with_a_task_is_told_before_its_files_are_sent(cli: Cli, here: Path) -> None:
    words = ["task", "add", "x", "--on", "web", "--daily", "01:00", "--push", "app.conf", "--to", "srv"]
    assert "error: --to: " in cli(*words, status=2).err
    assert "error: --swap: " in cli(*words[:-1], "/srv/", "--swap", status=2).err
    assert "error: --swap: " in cli("push", "--on", "web", "--to", "/srv/", "--swap", "app.conf", status=2).err
    assert cli("artifact", "list", "--json").document == []


def test_a_task_that_puts_files_is_made_shown_and_edited(cli: Cli, here: Path) -> None:
    cli(
        "task", "add", "daily-config", "--on", "web", "--daily", "01:00", "--push", "app.conf", "--to", "/srv/app/",
        "--mode", "0640", "--owner", "app:adm", "--no-create-folders", "--existing", "keep", "--backups", "3",
        "--pre-check", "test -d /srv", "--post", "systemctl reload app", "--rollback-on-failure", "--quick", "--newest",
        "--substitute", "--line-endings", "lf", "--to-on", "freebsd=/usr/local/etc/", "--param", "PORT=80", "--sudo",
    )  # fmt: skip
    kept = cli("artifact", "list", "--json").document
    assert [(one["name"], one["version"]) for one in kept] == [("app.conf", 1)]
    shown = cli("task", "show", "daily-config").out
    assert "app.conf v1, 14 bytes" in shown
    assert "or its newest version then" in shown
    for line in ("owner: app:adm", "mode: 0640", "on freebsd: /usr/local/etc/", "backups: 3", "as: root, by sudo"):
        assert line in shown
    payload = payload_of(cli, "daily-config")
    assert payload["file_ids"] == [kept[0]["id"]]
    assert (payload["existing"], payload["post_command"]) == ("keep", "systemctl reload app")

    cli("task", "edit", "daily-config", "--owner", "none", "--post", "none", "--pinned", "--no-rollback-on-failure")
    changed = payload_of(cli, "daily-config")
    assert (changed["owner"], changed["group"], changed["post_command"]) == (None, None, None)
    assert changed["items"] == [payload["items"][0] | {"newest": False}]
    assert changed["mode"] == "0640"

    (here / "app.conf").write_text("listen = 9090\n")
    cli("task", "edit", "daily-config", "--push", "app.conf", "--push", "www")
    again = payload_of(cli, "daily-config")
    assert len(again["items"]) == 2
    assert again["target_path"] == "/srv/app/"
    cli("task", "edit", "daily-config", "--artifact", "app.conf@1", "--check", "--description", "drift only")
    assert payload_of(cli, "daily-config")["file_ids"] == payload["file_ids"]
    assert payload_of(cli, "daily-config")["check"] is True


def test_a_dry_run_sends_nothing(cli: Cli, here: Path) -> None:
    pushed = cli("push", "--on", "web", "--to", "/srv/app/", "--dry-run", "app.conf", "www").out
    assert "would put app.conf" in pushed
    assert "to /srv/app/app.conf" in pushed
    assert "app.conf new, 14 bytes" in pushed
    assert "www new, a folder" in pushed
    made = cli(
        "task", "add", "x", "--on", "web", "--daily", "01:00", "--push", "app.conf", "--to", "/srv/app/", "--dry-run"
    ).out
    assert "app.conf new, 14 bytes to /srv/app/app.conf" in made
    assert cli("artifact", "list", "--json").document == []


def test_what_changed_nothing_is_not_rolled_back_and_commands_are_not_checked(cli: Cli) -> None:
    assert "changed nothing" in cli("execution", "rollback", "1", "--yes", status=1).err
    assert "not found" in cli("execution", "rollback", "999", "--yes", status=3).err
    assert "no files" in cli("task", "check", "nightly-backup", status=1).err


def test_a_push_is_verified_unchanged_the_second_time_and_taken_back(cli: Cli, here: Path) -> None:
    there = cli.folder / "there" / "app.conf"
    words = ["push", "--on", "web01", "--to", str(there), "--mode", "0640", "app.conf"]
    first = cli(*words).out
    assert there.read_text() == "listen = 8080\n"
    assert there.stat().st_mode & 0o7777 == 0o640
    assert "web01" in first
    assert "changed 1, unchanged 0" in first
    assert "changed 1, unchanged 0" in cli("execution", "list").out
    assert "changed 1, unchanged 0" in cli("execution", "show", "2").out
    made = there.stat().st_mtime_ns
    assert "changed 0, unchanged 1" in cli(*words).out
    assert there.stat().st_mtime_ns == made

    (here / "app.conf").write_text("listen = 9090\n")
    run = cli("push", "--on", "web01", "--to", str(there), "app.conf", "--json").lines[-1]["execution"]
    assert there.read_text() == "listen = 9090\n"
    assert run["result"]["type"] == "file"
    assert "changed 1" in cli("execution", "rollback", str(run["id"])).out
    assert there.read_text() == "listen = 8080\n"
    assert "was rolled back by" in cli("execution", "rollback", str(run["id"]), status=1).err


def test_a_task_s_files_are_compared_without_changing_them(cli: Cli, here: Path) -> None:
    there = cli.folder / "there" / "app.conf"
    cli(
        "task", "add", "daily-config", "--on", "web01", "--daily", "01:00", "--push", "app.conf", "--to",
        f"{there.parent}/", "--newest",
    )  # fmt: skip
    cli("task", "run", "daily-config", "--wait")
    assert "changed 1, unchanged 0" in cli("task", "show", "daily-config").out
    assert "none differs from daily-config" in cli("task", "check", "daily-config").out
    # a version that came since is no drift
    (here / "app.conf").write_text("listen = 9090\n")
    cli("artifact", "add", "app.conf")
    assert "none differs" in cli("task", "check", "daily-config").out
    there.write_text("listen = 1\n")
    assert "1 of 1 differs from daily-config: web01" in cli("task", "check", "daily-config", status=1).out
    assert there.read_text() == "listen = 1\n"


def test_packages_are_named_by_the_catalogue_and_by_the_devices_own(cli: Cli) -> None:
    cli("package", "add", "nginx", "--variant", "apt:nginx@debian")
    out = cli("install", "--on", "web", "--dry-run", "--sudo", "nginx=1.24.0-1", "htop").out
    assert "would install nginx=1.24.0-1" in out
    assert "would install htop" in out
    assert "would uninstall nginx" in cli("uninstall", "--on", "web", "--dry-run", "nginx").out
    for words, says in (
        (["nginx="], "PACKAGE: "),
        (["htop", "iotop"], "not found"),
        (["htop=1"], "not found"),
        (["nginz"], "did you mean nginx"),
    ):
        answer = cli.any_status("install", "--on", "web", "--dry-run", *words)
        assert answer.status in (2, 3)
        assert says in answer.err
    assert "PACKAGE: " in cli("install", "--on", "web", "--yes", "--", "-x", status=2).err


def test_a_task_that_installs_packages_is_made_shown_and_edited(cli: Cli) -> None:
    cli("package", "add", "nginx", "--variant", "apt:nginx@debian")
    cli("package", "add", "redis", "--variant", "apt:redis@debian")
    words = ["task", "add", "weekly", "--on", "web", "--weekly", "mon@02:00"]
    for wrong, says in (
        (["--install", "nginx", "--command", "true"], "error: --command: --install is there too"),
        (["--install", "nginx", "--to", "/x/"], "error: --install: --to is there too"),
        (["--install", "nginx", "--uninstall", "redis"], "error: --uninstall: --install is there too"),
        (["--uninstall", "nginx", "--to", "/x/"], "error: --uninstall: --to is there too"),
        (["--all-or-nothing"], "error: --install: there is nothing to install"),
        (["--install", "nginx="], "error: --install: "),
        (["--install", "nginx", "--restart", "if_needed"], "error: --restart: this release does not restart a device"),
    ):
        assert says in cli(*words, *wrong, status=2).err
    cli(*words, "--install", "nginx=1.24", "--install", "redis", "--restart", "never", "--sudo")
    payload = payload_of(cli, "weekly")
    assert (len(payload["software_ids"]), payload["reboot"]) == (2, "never")
    assert [*payload["versions"].values()] == ["1.24"]
    shown = cli("task", "show", "weekly").out
    assert "nginx=1.24" in shown
    cli("task", "edit", "weekly", "--install", "redis", "--all-or-nothing")
    assert payload_of(cli, "weekly")["software_ids"] == payload["software_ids"][1:]
    assert payload_of(cli, "weekly")["all_or_nothing"] is True
    cli("task", "edit", "weekly", "--uninstall", "nginx")
    assert payload_of(cli, "weekly")["action"] == "uninstall"
    assert payload_of(cli, "weekly")["software_ids"] == payload["software_ids"][:1]
    cli("task", "edit", "weekly", "--one-by-one")
    assert payload_of(cli, "weekly")["action"] == "uninstall"
    cli("task", "edit", "weekly", "--install", "nginx")
    assert payload_of(cli, "weekly")["action"] == "install"


def test_files_that_replace_others_keep_their_options_unless_others_are_given(cli: Cli, here: Path) -> None:
    (here / "b.conf").write_text("b\n")
    cli(
        "task", "add", "conf", "--on", "web", "--daily", "01:00", "--push", "app.conf", "--to", "/srv/app/",
        "--substitute", "--line-endings", "lf", "--newest", "--param", "PORT=80",
    )  # fmt: skip
    (first,) = payload_of(cli, "conf")["items"]
    (here / "app.conf").write_text("listen = 9090\n")
    cli("task", "edit", "conf", "--push", "app.conf")
    (second,) = payload_of(cli, "conf")["items"]
    assert second == first | {"artifact_id": second["artifact_id"]}
    assert second["artifact_id"] != first["artifact_id"]
    # a version that was typed is the one that is sent
    cli("task", "edit", "conf", "--artifact", "app.conf@1")
    assert payload_of(cli, "conf")["items"] == [first | {"newest": False}]
    # another name: what all of them had; a folder has none of it
    assert "${...} filled in" in cli("task", "edit", "conf", "--push", "b.conf", "--push", "www", "--dry-run").out
    cli("task", "edit", "conf", "--push", "b.conf", "--no-substitute")
    (third,) = payload_of(cli, "conf")["items"]
    assert (third["substitute"], third["line_endings"]) == (False, "lf")
