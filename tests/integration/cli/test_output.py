"""What targets said: its last lines, when they came, and where a limit cut it, in every form that is printed."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Cli

#: 3.4 MB in lines of their own, then a last word
FLOOD = "seq 1 500000; echo the end"
MARK = "bytes of output were not kept here]"


def test_a_tail_is_the_last_lines_of_each_target_and_stream(cli: Cli) -> None:
    cli("run", "--on", "web", "--", "seq 1 30000; echo oh >&2; printf unfinished")
    assert cli("execution", "output", "2", "web01", "--raw", "--stream", "stdout", "--tail", "3").raw == (
        b"29999\n30000\nunfinished"
    )
    assert cli("execution", "output", "2", "--stream", "stderr", "--tail", "5").out.splitlines() == [
        "web01 E oh",
        "web02 E oh",
    ]
    assert cli("execution", "output", "2", "web01", "--tail", "0").raw == b""
    shown = cli("execution", "output", "2", "--follow", "--tail", "1", "--stream", "stdout").out
    assert sorted(shown.splitlines()) == ["web01 │ unfinished", "web02 │ unfinished"]


def test_a_line_says_when_it_came_if_asked(cli: Cli) -> None:
    cli("run", "--on", "web01", "--", "echo one; sleep 0.2; echo two")
    first, second = cli("execution", "output", "2", "web01", "--timestamps").out.splitlines()
    assert (first.split()[1], second.split()[1]) == ("one", "two")
    begin, end = (datetime.fromisoformat(line.split()[0]) for line in (first, second))
    assert begin.tzinfo is not None
    assert (end - begin).total_seconds() > 0.1
    assert cli("execution", "output", "2", "--timestamps").out.startswith(f"web01 │ {first}")
    refused = cli("execution", "output", "2", "web01", "--raw", "--timestamps", status=2)
    assert "leave out --raw or --timestamps" in refused.err


def test_above_a_targets_limit_every_form_says_where_it_was_cut(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEPLOYX_TARGET_OUTPUT", "1MiB")
    ran = cli("run", "--on", "web01", "--", FLOOD)
    # as it came, and in the verdict
    assert ran.out.splitlines()[-1] == "output cut: not all of web01 was kept"
    target = cli("execution", "targets", "2", "--json").document[0]
    assert target["output_cut"] is True
    assert target["stdout_bytes"] == 3_388_903
    assert " cut" in cli("execution", "show", "2").out

    lines = cli("execution", "output", "2", "web01").out.splitlines()
    (mark,) = (number for number, line in enumerate(lines) if line.endswith(MARK))
    assert (lines[0], lines[-1]) == ("1", "the end")
    assert 10_000 < mark < len(lines) - 10_000

    pieces = cli("execution", "output", "2", "web01", "--json").document
    (gap,) = (piece for piece in pieces if "missing" in piece)
    kept = sum(len(piece["text"]) for piece in pieces if "text" in piece)
    assert lines[mark] == f"[deployx: {gap['missing']} {MARK}"
    assert kept + gap["missing"] == target["stdout_bytes"]
    assert kept <= 1 << 20

    raw = cli("execution", "output", "2", "web01", "--raw")
    assert len(raw.raw) == kept
    assert f"output cut: {gap['missing']} bytes of web01 were not kept" in raw.err

    text = cli("execution", "download", "2", "--to", "-").out
    assert ", exit 0, output cut\n1\n" in text
    assert lines[mark] in text
    archive = zipfile.ZipFile(io.BytesIO(cli("execution", "download", "2", "--to", "-", "--format", "archive").raw))
    (told,) = json.loads(archive.read("execution.json"))["targets"]
    assert (told["output_cut"], told["files"]) == (True, {"stdout": "web01.stdout"})
    assert f"{lines[mark]}\n".encode() in archive.read("web01.stdout")


def test_above_a_runs_limit_each_target_keeps_its_beginning_and_its_end(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYX_RUN_OUTPUT", "1MiB")
    ran = cli("run", "--on", "web", "--", FLOOD)
    assert ran.out.splitlines()[-1] == "output cut: not all of web01, web02 was kept"
    lines = cli("execution", "output", "2").out.splitlines()
    for name in ("web01", "web02"):
        its = [line for line in lines if line.startswith(name)]
        assert its[0] == f"{name} │ 1"
        assert its[-1] == f"{name} │ the end"
        assert sum(line.endswith(MARK) for line in its) == 1
    # the limit, and 64 KiB of each target's beginning and end that are kept all the same
    assert sum(len(line.split("│ ")[1]) + 1 for line in lines) < (1 << 20) + 4 * (64 << 10)


@pytest.mark.parametrize(("how", "words"), [("cut", "damaged"), ("gone", "missing")])
def test_what_cant_be_read_is_marked_in_every_form_and_the_exit_status_says_so(
    cli: Cli, tmp_path: Path, how: str, words: str
) -> None:
    cli("run", "--on", "web01", "--", "seq 1 60000")
    said = b"".join(b"%d\n" % number for number in range(1, 60_001))
    folder = tmp_path / "data" / "deployx.db-output"
    file = folder / "2.pack"
    for path in folder.glob("2.*"):
        path.unlink()
    if how == "cut":
        file.write_bytes(b"x" * 300_000)
    why = f"the output file is {words}: {file}"
    mark = f"[deployx: {len(said)} bytes can't be read: {why}]"
    note = f"{len(said)} bytes of web01 can't be read: {why}"

    for arguments in ((), ("--tail", "3"), ("--stream", "stdout")):
        answer = cli("execution", "output", "2", "web01", *arguments, status=1)
        assert answer.out.splitlines() == [mark]
        assert note in answer.err
    followed = cli("execution", "output", "2", "--follow", status=1)
    assert mark in followed.out
    assert note in followed.err
    raw = cli("execution", "output", "2", "web01", "--raw", status=1)
    assert (raw.raw, note in raw.err) == (b"", True)
    (gap,) = cli("execution", "output", "2", "web01", "--json", status=1).document
    assert (gap["offset"], gap["missing"], gap["reason"]) == (0, len(said), why)

    to = tmp_path / "run.txt"
    saved = cli("execution", "download", "2", "--to", str(to), status=1)
    assert note in saved.err
    assert mark in to.read_text()
    archive = cli("execution", "download", "2", "--to", "-", "--format", "archive", status=1)
    assert f"{mark}\n".encode() == zipfile.ZipFile(io.BytesIO(archive.raw)).read("web01.stdout")

    checks = [one for one in json.loads(cli.any_status("doctor", "--json").out) if one["check"] == "output"]
    assert [one["message"] for one in checks if one["verdict"] == "bad"] == ([why] if how == "cut" else [])
