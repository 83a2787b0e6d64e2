"""Packages as JSON: read strictly, written back the same."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.errors import InvalidInput
from deployx_tui.model.json_reader import JSON
from deployx_tui.model.package import NATIVE_NAME, VERSION, DetectionKind, InstallerKind
from deployx_tui.model.package_json import package_from_json, package_to_json

APT: dict[str, JSON] = {"installer": "apt", "os": ["debian"], "name": "nginx"}
WHOLE: dict[str, JSON] = {
    "name": "tool",
    "version": "1.2",
    "description": "A tool",
    "category": "web",
    "publisher": "Someone",
    "depends": ["libtool"],
    "requirements": {"os": ["linux"], "os_version": "11", "arch": ["x86_64"], "free_disk": 1024, "free_memory": 2048,
                     "not_installed": ["apache2"]},
    "variants": [
        {**APT, "version": "1.2-3", "pre": "true", "post": "tool check", "success_codes": [0, 2], "reboot_codes": [3],
         "time_limit_seconds": 60.0, "source": "Debian bookworm main", "source_date": "2026-11-29", "is_checked": True},
        {"installer": "archive", "artifact": "tool.tar.gz@2", "folder": "/opt/tool", "strip": 1},
        {"installer": "script", "script": "echo", "uninstall": "echo",
         "detection": {"kind": "command", "command": "tool --version", "pattern": "([0-9.]+)"}},
        {"installer": "deb", "url": "https://example.org/x.deb", "sha256": "0" * 64},
        {"installer": "winget", "name": "Tool.Tool"},
    ],
    "is_active": False,
}  # fmt: skip


def variant(**fields: JSON) -> dict[str, JSON]:
    return {"name": "tool", "variants": [{**APT, **fields}]}


def test_everything_that_is_written_is_read_again() -> None:
    found = package_from_json(WHOLE)
    assert package_to_json(found) == WHOLE
    assert found.variants[2].detection.kind is DetectionKind.COMMAND
    assert {each.installer for each in found.variants} >= {InstallerKind.APT, InstallerKind.WINGET}


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        ({"variants": [APT]}, "name", "missing"),
        ({"name": "x"}, "variants", "there is none"),
        ({"name": "a/b", "variants": [APT]}, "name", "can't be it"),
        ({"name": "x", "depends": ["x"], "variants": [APT]}, "depends", "itself"),
        ({"name": "x", "variants": [APT], "versoin": "1"}, "versoin", "no such field"),
        (variant(installer="aptitude"), "variants.0.installer", "not one of its words"),
        (variant(installer=None), "variants.0.installer", "missing"),
        (variant(name="-rf"), "variants.0.name", "can't be it"),
        (variant(name="nginx-"), "variants.0.name", "can't be it"),
        (variant(name="nginx;reboot"), "variants.0.name", "can't be it"),
        (variant(name="nginx/testing"), "variants.0.name", "something else"),
        (variant(name=None), "variants.0.name", "missing"),
        (variant(version="1 2"), "variants.0.version", "no version"),
        (variant(artifact="x"), "variants.0.artifact", "installs by name"),
        (variant(folder="/opt/x"), "variants.0.folder", "belongs to an archive"),
        (variant(script="x"), "variants.0.script", "belongs to the kind script"),
        (variant(success_codes=[-1]), "variants.0.success_codes", "no exit code"),
        (variant(time_limit_seconds=0), "variants.0.time_limit_seconds", "less than a second"),
        (variant(source_date="yesterday"), "variants.0.source_date", "no date"),
        (variant(detection={"kind": "file"}), "variants.0.detection.path", "missing"),
        (variant(detection={"kind": "command"}), "variants.0.detection.command", "missing"),
        (variant(detection={"pattern": "[0-9"}), "variants.0.detection.pattern", "one group"),
        (variant(detection={"pattern": "[0-9]+"}), "variants.0.detection.pattern", "one group"),
        (variant(installer="deb"), "variants.0.artifact", "missing"),
        (variant(installer="deb", url="https://e.org/x"), "variants.0.sha256", "missing"),
        (variant(installer="deb", url="http://e.org/x", sha256="0" * 64), "variants.0.url", "can't be it"),
        (variant(installer="archive", artifact="x"), "variants.0.folder", "missing"),
        (variant(installer="archive", artifact="x", folder="/opt/../etc"), "variants.0.folder", "begins with a dot"),
        (variant(installer="archive", artifact="x", folder="/opt"), "variants.0.folder", "can't be it"),
        (variant(installer="script"), "variants.0.script", "one text is needed"),
        (variant(installer="script", script="x"), "variants.0.detection", "no database"),
        ({"name": "x", "variants": [APT], "requirements": {"free_disk": -1}}, "requirements.free_disk", "no size"),
        (
            {"name": "x", "variants": [APT], "requirements": {"not_installed": ["a b"]}},
            "requirements.not_installed",
            "",
        ),
    ],
)
def test_what_is_wrong_is_told_by_field_and_remedy(data: JSON, field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        package_from_json(data)
    (problem,) = [each for each in caught.value.problems if each.field == field][:1]
    assert words in problem.message
    assert problem.remedy


#: what a shell, or a package manager, makes something of
_HOSTILE = " \t\n'\"`$\\;|&<>()*?[]{}!#=%,"


@given(st.text(alphabet=string.ascii_letters + string.digits + "+._@/:-~^" + _HOSTILE, max_size=20))
def test_no_name_and_no_version_holds_what_a_shell_looks_at(text: str) -> None:
    for pattern in (NATIVE_NAME, VERSION):
        if pattern.fullmatch(text):
            assert not set(text) & set(_HOSTILE)
            assert not text.startswith("-")
