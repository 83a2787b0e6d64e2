"""The answer of a target is taken to pieces: what fits is a fact, and whatever does not is unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.model.facts import MOST, MOST_BYTES, MOST_CPUS, MOST_LIKE, Disk, Facts, canonical_arch
from deployx_tui.transports.posix.facts import read
from tests.unit.transports.test_os_release import ALPINE, ARCH, DEBIAN, ROCKY

BOOT = "3b8e0f06-8a3c-4f3a-9a1f-0c9f5a7b6d21"


def answer(release: str | None = DEBIAN, **said: str) -> bytes:
    lines = {
        "uname": "Linux 6.1.0-27-amd64 x86_64",
        "shell": "/bin/bash",
        "sh": "/usr/bin/dash",
        "cpus": "8",
        "memory": "33554432",
        "root": "/dev/sda1          1000000    400000   550000      43% /",
        "folder": "/tmp",
        "temporary": "tmpfs              500000         0   500000       0% /tmp",
        **said,
    }
    text = "".join(f"{name} {value}\n" for name, value in lines.items())
    return (text + ("" if release is None else f"os-release\n{release}")).encode()


def test_a_whole_answer_is_every_fact() -> None:
    found = read(answer(), BOOT)
    assert found == Facts(
        kernel="Linux",
        kernel_release="6.1.0-27-amd64",
        os_id="debian",
        os_version="12",
        os_name="Debian GNU/Linux 12 (bookworm)",
        arch="x86_64",
        login_shell="/bin/bash",
        sh="/usr/bin/dash",
        boot_id=BOOT,
        cpus=8,
        memory=32 << 30,
        root=Disk("/", 1_000_000 << 10, 550_000 << 10),
        temporary=Disk("/tmp", 500_000 << 10, 500_000 << 10),
    )
    assert found.os_words == {"debian", "linux"}
    assert found.system == "debian 12"


def test_no_answer_is_no_fact_at_all() -> None:
    assert read(b"", "-") == Facts()
    assert read(b"\xff\0\x1b[31mHA HA\n" * 50, "-") == Facts()
    assert Facts().os_words == frozenset()
    assert Facts().system is None


def test_without_the_file_the_kernel_says_what_it_is() -> None:
    found = read(answer(None, uname="FreeBSD 14.1-RELEASE amd64"), "-")
    assert (found.os_id, found.os_version, found.arch, found.boot_id) == ("freebsd", None, "amd64", None)


def test_a_file_that_does_not_name_the_system_leaves_it_unknown() -> None:
    found = read(answer("NAME=Home-made\n"), BOOT)
    assert found.os_id is None
    # the kernel is known all the same
    assert found.os_words == {"linux"}


def test_a_rolling_system_has_no_version_and_a_derived_one_says_of_what() -> None:
    assert read(answer(ARCH), BOOT).system == "arch"
    assert read(answer(ROCKY), BOOT).os_like == ("rhel", "centos", "fedora")
    assert read(answer(ALPINE), BOOT).os_words == {"alpine", "linux"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cpus", "many"),
        ("cpus", "-1"),
        ("cpus", "0"),
        ("cpus", "\N{ARABIC-INDIC DIGIT THREE}"),
        ("cpus", str(MOST_CPUS + 1)),
        ("memory", str(MOST_BYTES)),
        ("memory", "9" * 5000),
        ("login_shell", "bash"),
        ("login_shell", "/bin/\x1b[2Jsh"),
        ("login_shell", "/" + "x" * MOST),
        ("login_shell", "/bin/\N{RIGHT-TO-LEFT OVERRIDE}hs"),
        ("sh", ""),
        ("root", "df: /: Stale file handle"),
        ("root", "/dev/sda1 100 40 60 40%"),
        ("root", "/dev/sda1 0 0 0 0% /"),
        ("root", f"/dev/sda1 {'9' * 18} 0 0 0% /"),
        ("root", "/dev/sda1 100 40 600 40% /"),
    ],
)
def test_a_value_that_does_not_fit_is_unknown(name: str, value: str) -> None:
    found = read(answer(**{"shell" if name == "login_shell" else name: value}), BOOT)
    assert getattr(found, name) is None
    assert found.arch == "x86_64"


def test_a_full_disk_has_nothing_free_also_where_a_reserve_is_counted() -> None:
    found = read(answer(root="/dev/ada0p2 1000 1080 -80 108% /"), BOOT)
    assert found.root == Disk("/", 1000 << 10, 0)


def test_odd_device_names_do_not_shift_the_numbers() -> None:
    found = read(answer(root="//nas/my share 12 34 1000 400 600 40% /"), BOOT)
    assert found.root == Disk("/", 1000 << 10, 600 << 10)


hostile = st.one_of(st.text(max_size=300), st.sampled_from(["", "\x1b[31m", "\u202e", "a" * 9999, "9" * 400, "$(id)"]))


@given(
    st.dictionaries(
        st.sampled_from(["uname", "shell", "sh", "cpus", "memory", "root", "folder", "temporary"]), hostile
    ),
    hostile,
    hostile,
)
def test_whatever_a_target_says_is_bounded_and_can_be_shown(said: dict[str, str], release: str, boot: str) -> None:
    text = "".join(f"{name} {value}\n" for name, value in said.items())
    whole = f"{text}os-release\nID={release}\nPRETTY_NAME={release}\nVERSION_ID='{release}'\nID_LIKE=\"{release}\"\n"
    found = read(whole.encode("utf-8", "surrogatepass"), boot)
    texts = [
        found.kernel, found.kernel_release, found.os_id, found.os_version, found.os_name, found.arch,
        found.login_shell, found.sh, found.boot_id, *found.os_like,
        *(disk.folder for disk in (found.root, found.temporary) if disk is not None),
    ]  # fmt: skip
    for each in texts:
        assert each is None or (0 < len(each) <= MOST and each.isprintable())
    assert len(found.os_like) <= MOST_LIKE
    for number in (found.cpus, found.memory):
        assert number is None or 0 < number <= MOST_BYTES


@pytest.mark.parametrize(
    ("said", "is_"), [("amd64", "x86_64"), ("x86_64", "x86_64"), ("ARM64", "aarch64"), ("armv7l", "armv7l")]
)
def test_an_architecture_has_one_name(said: str, is_: str) -> None:
    assert canonical_arch(said) == is_


def test_a_text_that_holds_a_secret_is_unknown_and_the_rest_stays() -> None:
    said = answer(shell="/home/s3cret-word/sh", folder="/tmp/s3cret-word").replace(b"Debian GNU", b"s3cret-word GNU")
    found = read(said, BOOT).without(lambda text: "s3cret-word" in text)
    assert (found.login_shell, found.temporary, found.os_name) == (None, None, None)
    assert "s3cret-word" not in repr(found)
    assert found.system == "debian 12"
    assert read(answer(), BOOT).without(lambda text: False) == read(answer(), BOOT)
