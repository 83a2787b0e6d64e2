"""Any text that a shell can take is run as it was written."""

from __future__ import annotations

import pytest

from deployx_tui.model.payload import Shell
from deployx_tui.transports.base import (
    Exited,
    Refused,
)
from tests.contract.transport.site import Site, Told


class ScriptContract:
    """Part of TransportContract."""

    def test_a_script_of_many_lines_with_a_here_document(self, site: Site) -> None:
        told = site.run("x=1\nif [ $x = 1 ]; then\n  cat <<'E'\n$x `y` \\z\nE\nfi\n# the end")
        assert told == Told(Exited(0), b"$x `y` \\z\n", b"")

    def test_a_script_may_use_a_here_document_and_standard_input(self, site: Site) -> None:
        assert site.run("cat <<E\nhere\nE\ncat", stdin=b"there\n") == Told(Exited(0), b"here\nthere\n", b"")

    def test_a_syntax_error_is_an_exit_code_and_a_message(self, site: Site) -> None:
        told = site.run("echo before\nif then")
        assert isinstance(told.outcome, Exited)
        assert told.outcome.code != 0
        assert told.stdout in (b"", b"before\n")  # shells differ in how much they read before they run
        assert b"yntax" in told.stderr

    @pytest.mark.parametrize("size", [29_999, 30_000, 30_001, 89_000, 131_072, 200_000, 700_000])
    @pytest.mark.parametrize("shell", [Shell.SH, Shell.BASH])
    def test_a_large_script_runs_whole(self, site: Site, size: int, shell: Shell) -> None:
        head, tail = "echo 'begun €'\n: ", "\necho ended"
        script = head + "x" * (size - len(head) - len(tail)) + tail
        assert site.run(script, shell=shell) == Told(Exited(0), "begun €\nended\n".encode(), b"")

    def test_a_script_that_no_shell_could_take_is_refused(self, site: Site) -> None:
        for script in ("#" * 800_000, "echo a\0b"):
            outcome = site.run(script).outcome
            assert isinstance(outcome, Refused)
            assert outcome.remedy

    def test_an_empty_script_succeeds(self, site: Site) -> None:
        assert site.run("") == Told(Exited(0), b"", b"")
