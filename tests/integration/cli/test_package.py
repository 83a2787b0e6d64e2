"""`deployx package`: the catalogue, kept in a file or by hand."""

from __future__ import annotations

import re
import textwrap
from dataclasses import fields
from pathlib import Path

import deployx_tui
from deployx_tui.cli.package import package
from deployx_tui.model.package import Detection, Package, Requirements, Variant
from deployx_tui.portability import packages_yaml
from tests.integration.cli.conftest import Cli

YAML = """\
packages:
  - name: tool
    version: 1.20
    requirements:
      free_disk: 1048576
    variants:
      - installer: apt
        os: [debian]
        name: tool
        time_limit_seconds: 90
      - installer: script
        script: |
          set -e
          echo installing
        detection: {kind: command, command: tool --version, pattern: "([0-9.]+)"}
"""


def test_the_starter_catalogue_is_taken_in_once(cli: Cli) -> None:
    assert "20 packages would be added" in cli("package", "import", "--starter", "--dry-run").out
    assert "no packages" in cli("package", "list").err
    assert "20 packages added" in cli("package", "import", "--starter").out
    assert "20 packages as in the file" in cli("package", "import", "--starter").out
    shown = cli("package", "show", "apache").out
    assert "apt apache2 on debian, ubuntu; Debian 12 (bookworm) main, Packages of amd64, 2026-11-29" in shown
    assert "dnf httpd on rhel, fedora; RHEL 9 and Fedora by general knowledge, 2026-11-29 (not checked)" in shown
    assert "winget ApacheLounge.httpd" in shown


def test_a_file_goes_out_as_it_came_in(cli: Cli) -> None:
    assert "1 package added: tool" in cli("package", "import", "-", stdin=YAML).out
    (found,) = cli("package", "list", "--json").document
    assert (found["version"], found["requirements"]) == ("1.20", {"free_disk": 1048576})
    assert found["variants"][1]["script"] == "set -e\necho installing\n"
    written = cli("package", "export").out
    assert "script: |" in written
    assert packages_yaml.read(written.encode()) == packages_yaml.read(YAML.encode())
    assert "1 package as in the file" in cli("package", "import", "-", stdin=written).out


def test_the_scripts_of_a_package_are_shown(cli: Cli) -> None:
    cli("package", "import", "-", stdin=YAML.replace("detection:", "uninstall: rm tool\n        detection:"))
    shown = cli("package", "show", "tool").out
    for line in ("detection  command tool --version, pattern ([0-9.]+)", "uninstall  rm tool", "script     set -e"):
        assert f"    {line}\n" in shown
    assert f"    {'':<9}  echo installing\n" in shown


def test_the_manual_s_packages_and_the_help_s_can_be_read_and_no_field_is_left_out() -> None:
    manual = Path(deployx_tui.__file__).with_name("docs").joinpath("software.md").read_text()
    helped = package.help or ""
    texts = [
        *re.findall(r"^    packages:\n(?:      .*\n|\n)+", manual, re.MULTILINE),
        helped[helped.index("packages:") :],
    ]
    read = [packages_yaml.read(textwrap.dedent(text.partition("docs/")[0]).encode()) for text in texts]
    assert [[each.name for each in found] for found in read] == [["nginx", "tool"], ["mytool"], ["tool"]]
    table = manual.partition("Every field;")[2].partition("deployx package show")[0]
    for noun in (Package, Variant, Detection, Requirements):
        for field in fields(noun):
            name = {"time_limit": "time_limit_seconds"}.get(field.name, field.name)
            assert f"`{name}`" in table or name in {"id", "revision", "updated_at"}


def test_what_is_wrong_with_a_file_is_told_by_field_or_line(cli: Cli) -> None:
    wrong = YAML.replace("os: [debian]", "os: [debian]\n        nmae: x")
    answer = cli.any_status("package", "import", "-", stdin=wrong)
    assert answer.status == 2
    assert "packages.0.variants.0.nmae" in answer.err
    assert "did you mean name?" in answer.err
    answer = cli.any_status("package", "import", "-", stdin="packages: [*x]")
    assert answer.status == 2
    assert "line 1" in answer.err
    answer = cli.any_status("package", "import", "/nowhere.yaml")
    assert answer.status == 2
    assert "FILE" in answer.err
    assert cli.any_status("package", "import").status == 2


def test_a_package_is_made_changed_and_removed_by_hand(cli: Cli) -> None:
    cli("package", "add", "base", "--variant", "apt:base")
    made = cli("package", "add", "tool", "--variant", "apt:tool@debian,ubuntu", "--depends", "base", "--version", "1.0")
    assert "added package tool (2)" in made.out
    cli("package", "edit", "tool", "--version", "none", "--variant", "dnf:tool@rhel")
    (_, found) = cli("package", "list", "--json").document
    assert "version" not in found
    assert found["variants"] == [{"installer": "dnf", "os": ["rhel"], "name": "tool"}]
    refused = cli.any_status("package", "rm", "base", "--yes")
    assert refused.status == 1
    assert "needed by the packages tool" in refused.err
    cli("package", "rm", "tool", "base", "--yes")
    assert "no packages" in cli("package", "list").err


def test_a_variant_that_is_none_is_refused_with_the_words_there_are(cli: Cli) -> None:
    answer = cli.any_status("package", "add", "tool", "--variant", "tool")
    assert answer.status == 2
    assert "--variant" in answer.err
    assert "apt, dnf" in answer.err


def test_what_is_where_says_when_nobody_knows(cli: Cli) -> None:
    cli("package", "add", "nginx", "--variant", "apt:nginx@debian")
    assert "no run has seen it anywhere yet" in cli("package", "where", "nginx").err
    assert "did you mean nginx?" in cli("package", "where", "nginz", status=3).err
    assert "no device is behind the catalogue" in cli("package", "where", "--behind").err
