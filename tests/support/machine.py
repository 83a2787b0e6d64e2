"""A machine of its own to restart: Debian's kernel in an emulated PC, with OpenSSH, reached on a loopback port.

Nothing but programs of this machine in an initial RAM file system, a disk for what survives a restart (/var/tmp), and
a network that leads nowhere but to that port. Software emulation: it needs no rights, and about ten seconds to start.
"""

from __future__ import annotations

import json
import lzma
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.require import require, require_program

#: in the order in which they are loaded; one that the kernel has built in has no file
_MODULES = (
    "virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk", "failover",
    "net_failover", "virtio_net", "crc16", "crc32c_generic", "libcrc32c", "mbcache", "jbd2", "ext4",
)  # fmt: skip
#: parts of OpenSSH's server since 9.8
_SSHD_PARTS = ("/usr/lib/openssh/sshd-session", "/usr/lib/openssh/sshd-auth")
#: seconds; an emulated machine on a busy one
_BOOT_PATIENCE = 120.0

_START = """#!/bin/busybox sh
/bin/busybox --install -s
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /run/sshd
mount -t devpts devpts /dev/pts
while read -r module; do insmod "/modules/$module"; done </modules/order
mount -t ext4 /dev/vda /var/tmp
chmod 1777 /var/tmp /tmp
ip link set lo up
ip link set eth0 up
ip address add 10.0.2.15/24 dev eth0
"""
_INITTAB = """::sysinit:/etc/start
::respawn:/usr/sbin/sshd -D -f /etc/ssh/sshd_config
"""
_SSHD_CONFIG = """HostKey /etc/ssh/host_key
PermitRootLogin prohibit-password
AuthorizedKeysFile /etc/ssh/authorized_keys
StrictModes no
UsePAM no
UseDNS no
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A running one."""

    port: int
    #: of root, unencrypted
    key_file: Path
    known_hosts: Path
    console: Path
    _control: Path

    address = "127.0.0.1"
    user = "root"

    def ask(self, script: str) -> str:
        """What a plain `ssh` hears from it, not through deployx."""
        argv = [
            "ssh", "-F", "none", "-i", str(self.key_file), "-o", f"UserKnownHostsFile={self.known_hosts}",
            "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-p", str(self.port), f"{self.user}@{self.address}",
            script,
        ]  # fmt: skip
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout

    def cut_power(self) -> None:
        """It starts anew at once; nothing on it is told, or written to its disk."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.connect(str(self._control))
            lines = control.makefile("rwb")
            for command in ("qmp_capabilities", "system_reset"):
                lines.write(json.dumps({"execute": command}).encode() + b"\n")
                lines.flush()
                while "return" not in json.loads(lines.readline()):
                    pass  # its greeting, and events


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """Answers when this begins; ended afterwards."""
    qemu = require_program("qemu-system-x86_64")
    kernel, modules = _kernel()
    key_file, host_key = folder / "client", folder / "host_key"
    client_line, host_line = _write_key(key_file), _write_key(host_key)
    root = folder / "root"
    _lay_out(root, modules, host_key, client_line)
    archive = _archived(root, folder / "initrd")
    disk = folder / "disk"
    with disk.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(
        [require_program("mkfs.ext4", "/sbin/mkfs.ext4", "/usr/sbin/mkfs.ext4"), "-q", str(disk)], check=True
    )
    port = _free_port()
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{port} {host_line}\n")
    made = Machine(
        port=port, key_file=key_file, known_hosts=known_hosts, console=folder / "console", _control=folder / "control"
    )
    argv = [
        qemu, "-accel", "tcg", "-cpu", "max", "-m", "512", "-nodefaults", "-display", "none",
        "-kernel", str(kernel), "-initrd", str(archive), "-append", "console=ttyS0 rdinit=/sbin/init panic=-1 quiet",
        "-serial", f"file:{made.console}", "-qmp", f"unix:{made._control},server=on,wait=off",
        "-drive", f"file={disk},format=raw,if=virtio",
        # restrict: what runs there reaches nothing of this machine or beyond
        "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:22",
        "-device", "virtio-net-pci,netdev=net",
    ]  # fmt: skip
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    try:
        _await(made, process)
        yield made
    finally:
        process.kill()
        process.wait()


def _kernel() -> tuple[Path, Path]:
    """The newest kernel in /boot that has its modules beside it."""
    require(os.uname().machine == "x86_64", "a machine of the kind amd64")
    found = [
        (image, modules)
        for image in sorted(Path("/boot").glob("vmlinuz-*"), key=lambda path: _numbers(path.name), reverse=True)
        if (modules := Path("/lib/modules") / image.name.removeprefix("vmlinuz-")).is_dir()
        and os.access(image, os.R_OK)
    ]
    require(bool(found), "a kernel in /boot with its modules")
    return found[0]


def _numbers(name: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", name)]


def _write_key(path: Path) -> str:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    path.touch(0o600)
    path.write_bytes(private)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return public.decode()


def _lay_out(root: Path, modules: Path, host_key: Path, client_line: str) -> None:
    """Everything that it consists of."""
    for folder in ("bin", "sbin", "usr/bin", "usr/sbin", "etc/ssh", "proc", "sys", "dev", "run", "root", "modules",
                   "tmp", "var/tmp", "var/empty"):  # fmt: skip
        (root / folder).mkdir(parents=True)
    busybox, dash = require_program("busybox"), require_program("dash")
    sshd = require_program("sshd", "/usr/sbin/sshd")
    _put_program(root, Path(busybox), "bin/busybox")
    _put_program(root, Path(dash), "bin/sh")
    _put_program(root, Path(sshd), "usr/sbin/sshd")
    for part in _SSHD_PARTS:
        if Path(part).exists():
            _put_program(root, Path(part), part.lstrip("/"))
    (root / "sbin/init").symlink_to("/bin/busybox")
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nsshd:x:100:100::/run/sshd:/bin/false\n")
    (root / "etc/group").write_text("root:x:0:\nsshd:x:100:\ntty:x:5:\n")
    (root / "etc/inittab").write_text(_INITTAB)
    (root / "etc/start").write_text(_START)
    (root / "etc/start").chmod(0o755)
    (root / "etc/ssh/sshd_config").write_text(_SSHD_CONFIG)
    (root / "etc/ssh/authorized_keys").write_text(client_line + "\n")
    shutil.copy2(host_key, root / "etc/ssh/host_key")
    order = [_put_module(root / "modules", file) for name in _MODULES for file in modules.rglob(f"{name}.ko*")]
    (root / "modules/order").write_text("".join(f"{name}\n" for name in order))


def _put_program(root: Path, program: Path, place: str) -> None:
    """With the libraries that it is linked to, each where it is here."""
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(program.resolve(), root / place)
    linked = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
    for library in re.findall(r"(/\S+) \(0x", linked):
        to = root / library.lstrip("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(Path(library).resolve(), to)


def _put_module(folder: Path, file: Path) -> str:
    """Unpacked, whatever its distribution does; returns its name."""
    content = file.read_bytes()
    name = file.name.removesuffix(".xz")
    (folder / name).write_bytes(lzma.decompress(content) if name != file.name else content)
    return name


def _archived(root: Path, archive: Path) -> Path:
    names = "\0".join(_below(root)).encode()
    with archive.open("wb") as out:
        subprocess.run(
            [require_program("cpio"), "--null", "--create", "--format=newc", "--quiet", "--owner=0:0"],
            input=names, stdout=out, cwd=root, check=True,
        )  # fmt: skip
    return archive


def _below(root: Path) -> Iterable[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(made: Machine, process: subprocess.Popen[bytes]) -> None:
    """Until its sshd lets us in."""
    deadline = time.monotonic() + _BOOT_PATIENCE
    while True:
        assert process.poll() is None, f"the emulator ended with {process.returncode}"
        try:
            made.ask("true")
            return
        except subprocess.SubprocessError:
            said = made.console.read_text(errors="replace") if made.console.exists() else ""
            assert time.monotonic() < deadline, f"it did not start; its console:\n{said}"
            time.sleep(0.2)  # nothing tells when the port of a machine that starts will answer
