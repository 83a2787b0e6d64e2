"""What a file is, by its content."""

from __future__ import annotations

import pytest

from deployx_tui.model.importing import ImportFormat
from deployx_tui.portability.hosts import recognised


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("web01\nweb02 ansible_user=x\n", ImportFormat.ANSIBLE_INI),
        ("# all\n[web]\nweb01\n", ImportFormat.ANSIBLE_INI),
        ("host ansible_host=10.0.0.1\n", ImportFormat.ANSIBLE_INI),
        ("---\nall:\n", ImportFormat.ANSIBLE_YAML),
        ("# web\nweb:\n  hosts:\n", ImportFormat.ANSIBLE_YAML),
        ('"web servers":\n  hosts:\n', ImportFormat.ANSIBLE_YAML),
        ("\n  {\n", ImportFormat.ANSIBLE_JSON),
        ("name,address\n", ImportFormat.CSV),
        ('"Name";"IP"\n', ImportFormat.CSV),
        ("hostname\tport\n", ImportFormat.CSV),
        ("ServerAliveInterval 30\nHost web01\n", ImportFormat.SSH_CONFIG),
        ("Include conf.d/*\n\n  host a b\n", ImportFormat.SSH_CONFIG),
        ("", ImportFormat.ANSIBLE_INI),
    ],
)
def test_a_format_is_recognised(text: str, kind: ImportFormat) -> None:
    assert recognised(text) is kind
