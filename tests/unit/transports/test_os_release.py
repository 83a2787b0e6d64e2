"""os-release(5): real files say what they mean, and no line is read otherwise than a shell would read it."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployx_tui.transports.posix.os_release import parse

DEBIAN = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
SUPPORT_URL="https://www.debian.org/support"
BUG_REPORT_URL="https://bugs.debian.org/"
"""
UBUNTU = """\
PRETTY_NAME="Ubuntu 24.04.1 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION="24.04.1 LTS (Noble Numbat)"
VERSION_CODENAME=noble
ID=ubuntu
ID_LIKE=debian
HOME_URL="https://www.ubuntu.com/"
UBUNTU_CODENAME=noble
LOGO=ubuntu-logo
"""
ALPINE = """\
NAME="Alpine Linux"
ID=alpine
VERSION_ID=3.20.3
PRETTY_NAME="Alpine Linux v3.20"
HOME_URL="https://alpinelinux.org/"
"""
RHEL = """\
NAME="Red Hat Enterprise Linux"
VERSION="9.4 (Plow)"
ID="rhel"
ID_LIKE="fedora"
VERSION_ID="9.4"
PLATFORM_ID="platform:el9"
PRETTY_NAME="Red Hat Enterprise Linux 9.4 (Plow)"
ANSI_COLOR="0;31"
CPE_NAME="cpe:/o:redhat:enterprise_linux:9::baseos"

REDHAT_BUGZILLA_PRODUCT="Red Hat Enterprise Linux 9"
"""
ROCKY = """\
NAME="Rocky Linux"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.4"
PRETTY_NAME="Rocky Linux 9.4 (Blue Onyx)"
"""
ARCH = """\
NAME="Arch Linux"
PRETTY_NAME="Arch Linux"
ID=arch
BUILD_ID=rolling
ANSI_COLOR="38;2;23;147;209"
"""
OPENSUSE = """\
NAME="openSUSE Leap"
ID="opensuse-leap"
ID_LIKE="suse opensuse"
VERSION_ID="15.6"
PRETTY_NAME="openSUSE Leap 15.6"
"""
FREEBSD = """\
NAME=FreeBSD
VERSION="14.1-RELEASE"
VERSION_ID="14.1"
ID=freebsd
ANSI_COLOR="0;31"
PRETTY_NAME="FreeBSD 14.1-RELEASE"
"""
CORPUS = {
    "debian": (DEBIAN, ("debian", "", "12", "Debian GNU/Linux 12 (bookworm)")),
    "ubuntu": (UBUNTU, ("ubuntu", "debian", "24.04", "Ubuntu 24.04.1 LTS")),
    "alpine": (ALPINE, ("alpine", "", "3.20.3", "Alpine Linux v3.20")),
    "rhel": (RHEL, ("rhel", "fedora", "9.4", "Red Hat Enterprise Linux 9.4 (Plow)")),
    "rocky": (ROCKY, ("rocky", "rhel centos fedora", "9.4", "Rocky Linux 9.4 (Blue Onyx)")),
    "arch": (ARCH, ("arch", "", "", "Arch Linux")),
    "opensuse": (OPENSUSE, ("opensuse-leap", "suse opensuse", "15.6", "openSUSE Leap 15.6")),
    "freebsd": (FREEBSD, ("freebsd", "", "14.1", "FreeBSD 14.1-RELEASE")),
}
NAMES = ("ID", "ID_LIKE", "VERSION_ID", "PRETTY_NAME")


@pytest.mark.parametrize("name", CORPUS)
def test_a_real_file_says_what_the_system_is(name: str) -> None:
    text, expected = CORPUS[name]
    found = parse(text)
    assert tuple(found.get(each, "") for each in NAMES) == expected


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("ID=debian", "debian"),
        ("ID='debian'", "debian"),
        ('ID="debian"', "debian"),
        ("  ID=debian", "debian"),
        ("ID=debian\r", "debian"),
        ("ID=debian   ", "debian"),
        ("ID=debian # stable", "debian"),
        ("ID=", ""),
        ('ID=""', ""),
        (r'ID="a\"b\\c\$d\`e"', 'a"b\\c$d`e'),
        (r'ID="a\nb"', r"a\nb"),
        (r"ID='a\b'", r"a\b"),
        (r"ID=a\ b", "a b"),
        ("ID='it'\\''s'", "it's"),
        ('ID="a"b', "ab"),
        ("#ID=debian", None),
        ("ID = debian", None),
        ("export ID=debian", None),
        ('ID="debian', None),
        ("ID='debian", None),
        ("ID=debian\\", None),
        ("ID=$HOME", None),
        ('ID="$HOME"', None),
        ("ID=`id`", None),
        ('ID="$(id)"', None),
        ("ID=a;b", None),
        ("ID=a b", None),
        ("ID=~", None),
        ("0ID=debian", None),
    ],
)
def test_a_line_is_read_as_a_shell_reads_it_or_not_at_all(line: str, value: str | None) -> None:
    assert parse(line).get("ID") == value


def test_the_last_assignment_counts_also_when_only_a_shell_could_read_it() -> None:
    assert parse("ID=one\nID=two\n") == {"ID": "two"}
    assert parse("ID=one\nID=$OTHER\n") == {}


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("ab1 .\"'\\#-_:/é"), max_size=12))
def test_what_is_read_is_what_sh_reads(value: str) -> None:
    read = parse(f"ID={value}\n")
    if "ID" not in read:
        return
    script = f'ID={value}\nprintf %s "$ID"'
    said = subprocess.run(["sh", "-c", script], capture_output=True, check=True, env={"PATH": "/usr/bin:/bin"})
    assert read["ID"].encode() == said.stdout, said.stderr
