"""Stands for a package manager that is not on this machine: keeps what is installed in a file, every call in another.

Run under the manager's own name. It knows what the scripts of deployx say, and nothing else: another word is an error.
"""

import os
import sys
from pathlib import Path

NEWEST = {"rpm": "2.0-1", "apk": "2.0-r1", "brew": "2.0"}


def main(tool: str, words: list[str]) -> int:
    home = Path(os.environ["DX_FAKES"])
    with (home / "calls").open("a") as calls:
        calls.write(" ".join([tool, *words]) + "\n")
    if not os.isatty(0) and os.fstat(0).st_rdev != Path("/dev/null").stat().st_rdev:
        return 98  # its standard input must be closed
    file = home / "there"
    there = dict(line.split() for line in file.read_text().splitlines()) if file.exists() else {}
    code = Fake(there).run(tool, words)
    file.write_text("".join(f"{name} {version}\n" for name, version in there.items()))
    return code


class Fake:
    def __init__(self, there: dict[str, str]) -> None:
        self.there = there

    def run(self, tool: str, words: list[str]) -> int:
        found = getattr(self, tool)(words)
        return 0 if found is None else int(found)

    def _query(self, words: list[str], form: str) -> int:
        names = [word for word in words if word in self.there] if words else list(self.there)
        for name in names:
            print(form.format(name=name, version=self.there[name]))
        return 0 if names or not words else 1

    def _put(self, name: str, version: str) -> None:
        if name == "broken":
            sys.exit(7)
        if name != "liar":
            self.there[name] = version

    def id(self, words: list[str]) -> None:
        print("anna" if words == ["-un"] else 1000)

    def rpm(self, words: list[str]) -> int | None:
        match words:
            case ["-q", "--qf", _, name]:
                return self._query([name], "{version}")
            case ["-qa", "--qf", _]:
                return self._query([], "{name} {version}")
            case ["-e", "--test", name]:
                return 1 if name == "needed" else 0
        return 99

    def dnf(self, words: list[str]) -> int | None:
        match words:
            case ["-y", "-q", "install" | "upgrade" | "downgrade", *names]:
                for each in names:
                    name, dash, version = each.partition("-")
                    self._put(name, version if dash else NEWEST["rpm"])
            case ["-y", "-q", "remove", *names]:
                for name in names:
                    del self.there[name]
            case _:
                return 99
        return 0

    yum = dnf

    def zypper(self, words: list[str]) -> int | None:
        match words:
            case ["--non-interactive", "--quiet", "install", "--auto-agree-with-licenses", "--oldpackage", *names]:
                for each in names:
                    name, _, version = each.removeprefix("-").partition("=")
                    if each.startswith("-") and each != "--":
                        del self.there[name]
                    elif each != "--":
                        self._put(name, version or NEWEST["rpm"])
                return 102 if "restarts" in names else 0
            case ["--non-interactive", "--quiet", "remove", name]:
                del self.there[name]
                return 0
        return 99

    def apk(self, words: list[str]) -> int | None:
        match words:
            case ["list", "-I", *names]:
                return self._query(names, "{name}-{version} x86_64 {{x}} (MIT) [installed]")
            case ["update", "-q"]:
                return 0
            case ["add", "-q", "--wait", _, *names]:
                for each in names:
                    name, _, version = each.replace("~", "=").partition("=")
                    if name != "-u":
                        self._put(name, version if "-r" in version else NEWEST["apk"])
                return 0
            case ["del", "-q", "--wait", _, *names]:
                for name in names:
                    del self.there[name]
                return 0
        return 99

    def pacman(self, words: list[str]) -> int | None:
        match words:
            case ["-Q", *names]:
                return self._query(names, "{name} {version}")
            case ["-Si", _]:
                print(f"Name            : x\nVersion         : {NEWEST['rpm']}")
                return 0
            case ["-S", "--noconfirm", "--needed", "--noprogressbar", name]:
                self._put(name, NEWEST["rpm"])
                return 0
            case ["-R", "--noconfirm", "--noprogressbar", *names]:
                for name in names:
                    del self.there[name]
                return 0
        return 99

    def brew(self, words: list[str]) -> int | None:
        match words:
            case ["list", "--versions", *names]:
                return self._query(names, "{name} {version}")
            case ["install" | "upgrade", name]:
                self._put(name, NEWEST["brew"])
                return 0
            case ["uninstall", *names]:
                for name in names:
                    del self.there[name]
                return 0
        return 99


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[0]).name, sys.argv[1:]))
