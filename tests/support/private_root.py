"""A private root: this machine's own system with everything that is changed in it laid aside, in a mount namespace.

A process that sleeps holds the namespace; `sh` in the folder `shells` is a shell in that root. The machine's own files
stay as they are, and nothing is left when the process ends.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

_HOLD = """
set -eu
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$1/root/tmp"
echo ready
exec sleep infinity
"""


def why_not() -> str:
    """Why this machine can't have one; "": it can."""
    if os.geteuid() != 0:
        return "a private root needs root"
    missing = [name for name in ("unshare", "nsenter", "chroot", "dpkg-deb", "apt-get") if shutil.which(name) is None]
    return f"{', '.join(missing)} is not installed" if missing else ""


@dataclass
class PrivateRoot:
    """A context manager."""

    folder: Path
    _holder: subprocess.Popen[str] | None = field(default=None, init=False)

    def __enter__(self) -> PrivateRoot:
        for name in ("upper", "work", "root", "shells"):
            (self.folder / name).mkdir()
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", _HOLD, "hold", str(self.folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        said = self._holder.stdout.readline()
        assert said == "ready\n", f"no private root: {said!r}"
        shell = self.shells / "sh"
        shell.write_text(f'#!/bin/sh\nexec {" ".join(self._enter())} /bin/sh "$@"\n')
        shell.chmod(0o755)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._holder is not None
        self._holder.kill()
        self._holder.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def shells(self) -> Path:
        """To stand first in a PATH."""
        return self.folder / "shells"

    def _enter(self) -> list[str]:
        assert self._holder is not None
        return ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "chroot", str(self.folder / "root")]

    def do(self, script: str, *, ok: bool = True) -> str:
        """Run a script in there; what it said."""
        command = [*self._enter(), "/bin/sh", "-c", script]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not ok, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, script: str) -> subprocess.Popen[str]:
        """Start a script in there whose standard output can be read."""
        command = [*self._enter(), "/bin/sh", "-c", script]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def write(self, path: str, content: bytes) -> None:
        """A file in there, root's, mode 0644."""
        command = [*self._enter(), "/bin/sh", "-c", f"mkdir -p $(dirname {path}) && cat >{path}"]
        subprocess.run(command, input=content, check=True)


# ---- a repository of Debian's kind


@dataclass(frozen=True, kw_only=True)
class Deb:
    name: str
    version: str
    arch: str = "all"
    #: further lines of its control file
    control: Mapping[str, str] = field(default_factory=dict)
    #: name of a maintainer script -> text of sh
    scripts: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def file(self) -> str:
        return f"{self.name}_{self.version}_{self.arch}.deb"

    def build(self, folder: Path) -> Path:
        tree = folder / f"{self.name}-{self.version}-{self.arch}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text("".join(f"{key}: {value}\n" for key, value in self._fields().items()))
        for name, text in self.scripts.items():
            (tree / "DEBIAN" / name).write_text(f"#!/bin/sh\nset -e\n{textwrap.dedent(text)}")
            (tree / "DEBIAN" / name).chmod(0o755)
        for path, text in {f"usr/share/{self.name}/version": self.version, **self.files}.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        made = folder / self.file
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, made], check=True, capture_output=True)
        return made

    def _fields(self) -> dict[str, str]:
        return {
            "Package": self.name,
            "Version": self.version,
            "Architecture": self.arch,
            "Maintainer": "nobody <nobody@example.invalid>",
            "Description": f"{self.name} of a test",
            **self.control,
        }


def build_repository(debs: tuple[Deb, ...], folder: Path) -> dict[str, bytes]:
    """File name -> content of a flat repository that `deb [trusted=yes] file:PATH ./` reads."""
    made: dict[str, bytes] = {}
    index = []
    for deb in debs:
        content = deb.build(folder).read_bytes()
        made[deb.file] = content
        about = {
            **deb._fields(),
            "Filename": f"./{deb.file}",
            "Size": str(len(content)),
            "SHA256": hashlib.sha256(content).hexdigest(),
        }
        index.append("".join(f"{key}: {value}\n" for key, value in about.items()))
    made["Packages"] = "\n".join(index).encode()
    return made
