"""One quoting function for every shell: whatever the value, the shell sees one word with exactly it."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployx_tui.transports.posix.wrapper import quote
from tests.support.hostile_values import hostile_values
from tests.support.require import require_program

SHELLS = [["dash"], ["bash"], ["bash", "--posix"], ["busybox", "sh"], ["zsh"]]

values = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
    | st.text("'\"\\`$!(){}[]<>&|;*?~#=% \n\r\t-ax0", max_size=60),
    min_size=1,
    max_size=200,
)


def read_by(shell: list[str], given: list[str]) -> list[bytes]:
    """The text goes over standard input, as on a target."""
    require_program(shell[0])
    assigned = "".join(f"V={quote(value)}\nprintf '%s\\0' \"$V\"\n" for value in given)
    answer = subprocess.run(shell, input=assigned.encode(), capture_output=True, check=True, timeout=60)
    assert answer.stderr == b""
    return answer.stdout.split(b"\0")[:-1]


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@settings(max_examples=40, deadline=None)
@given(given=values)
def test_a_quoted_value_is_one_word_with_exactly_it(shell: list[str], given: list[str]) -> None:
    assert read_by(shell, given) == [value.encode() for value in given]


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_the_hostile_values_are_too(shell: list[str]) -> None:
    given = [*hostile_values()]
    assert read_by(shell, given) == [value.encode() for value in given]
