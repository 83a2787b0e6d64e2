from __future__ import annotations

import pytest

from deployx_tui.model.payload import LONGEST_LINE, CommandPayload, Commands, Line, Script, one_line


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (Line("  systemctl   restart nginx "), "systemctl restart nginx"),
        (Line("a\nb"), "a b"),
        (Commands(("apt update", "apt upgrade")), "apt update (and 1 more)"),
        (Script("#!/bin/sh\n# why\n\nset -e\nmake\nmake install\n"), "set -e (and 2 more)"),
        (Script("# nothing\n"), ""),
        (Line("x" * 500), "x" * LONGEST_LINE),
    ],
)
def test_a_payload_is_one_line_in_a_list(body: Line | Script | Commands, line: str) -> None:
    assert one_line(CommandPayload(body=body)) == line
