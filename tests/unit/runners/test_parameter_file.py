"""A file becomes a value, whole and unchanged, or is refused with a reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.parameter import LARGEST_VALUE
from deployx_tui.runners.parameter_file import read_parameter_file


@pytest.mark.parametrize("content", ["", "one\r\ntwo\n\n", "é€\ufeff", "@/etc/passwd", "x" * LARGEST_VALUE])
def test_the_content_is_the_value(tmp_path: Path, content: str) -> None:
    file = tmp_path / "value"
    file.write_bytes(content.encode())
    assert read_parameter_file(str(file)) == content


def test_a_tilde_is_the_home_of_the_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "value").write_text("here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_parameter_file("~/value") == "here"


def test_what_is_no_value_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (LARGEST_VALUE + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    os.mkfifo(tmp_path / "pipe")
    for name, word in (
        ("large", "more than"),
        ("binary", "UTF-8"),
        ("pipe", "plain file"),
        ("", "plain file"),
        ("gone", "No such file"),
        ("a\0b", "null"),
    ):
        with pytest.raises(InvalidInput, match=word) as refused:
            read_parameter_file(f"{tmp_path}/{name}")
        assert refused.value.problems[0].remedy
