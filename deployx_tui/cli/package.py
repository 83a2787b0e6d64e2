"""`deployx package`: what software tasks install, and what is where."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.invocation import Group, Invocation, invocation
from deployx_tui.cli.options import together
from deployx_tui.errors import InvalidInput
from deployx_tui.model.words import counted, first_of

if TYPE_CHECKING:
    from deployx_tui.model.package import InstalledPackage, Package, Taken, Variant
    from deployx_tui.service.backend import Backend

STDIN = "-"


@click.group(cls=Group)
def package() -> None:
    """What software tasks install, and what is where.

    A package by name is made with `add --variant`. A file says all the rest; so a script of one's own comes in with
    `deployx package import FILE`, and its detection tells which version is there:

    \b
    packages:
      - name: tool
        version: "2.1"
        variants:
          - installer: script
            script: curl -fsS https://get.example.com/tool-2.1.sh | sh
            uninstall: rm -f /usr/local/bin/tool
            detection: {kind: command, command: tool --version, pattern: "([0-9.]+)"}

    docs/software.md lists every field.
    """


#: the fields of a package, for `add` and `edit`
_fields = together(
    click.option("--version", metavar="V", help="What devices should have; none: any."),
    click.option("--description", metavar="TEXT"),
    click.option("--category", metavar="WORD"),
    click.option("--publisher", metavar="TEXT"),
    click.option("--depends", multiple=True, metavar="P", help="Installed first; again for more; none: nothing."),
    click.option(
        "--variant",
        "variants",
        multiple=True,
        metavar="KIND:NAME[@OS,OS]",
        help="By which installer, under which name, on which systems; again for more. A file says the rest: import.",
    ),
    click.option("--active/--inactive", "is_active", default=None, help="Whether it is offered."),
)


@package.command("list", example="deployx package list")
def list_() -> None:
    """The catalogue, by name."""
    call = invocation()

    async def read(backend: Backend) -> tuple[Package, ...]:
        return (await backend.packages.list()).items

    found = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.service.wire.packages import stored_to_json

        printing.put_json([stored_to_json(one) for one in found])
        return
    printing.put_table(
        ("ID", "PACKAGE", "VERSION", "CATEGORY", "INSTALLERS", "DESCRIPTION"),
        (
            (
                str(one.id),
                one.name if one.is_active else f"{one.name} (inactive)",
                one.version or "any",
                one.category or "-",
                ", ".join(dict.fromkeys(variant.installer.value for variant in one.variants)),
                one.description,
            )
            for one in found
        ),
        empty="no packages; deployx package import --starter takes in twenty common ones",
        gives_way="DESCRIPTION",
    )


@package.command(example="deployx package show nginx")
@click.argument("name", type=Name("package"))
def show(name: str) -> None:
    """One package: its variants, what it needs, where it is."""
    call = invocation()

    async def read(backend: Backend) -> tuple[Package, tuple[InstalledPackage, ...]]:
        one = await backend.packages.find(name)
        return one, await backend.packages.where(one.name)

    one, places = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.service.wire.packages import installed_to_json, stored_to_json

        printing.put_json({**stored_to_json(one), "where": [installed_to_json(each) for each in places]})
        return
    _put(one)
    behind = sum(each.is_behind for each in places)
    printing.put_line(f"seen on {counted(len(places), 'device')}, {behind} behind; deployx package where {one.name}")


@package.command(example="deployx package add htop --variant apt:htop@debian --variant dnf:htop@rhel,fedora")
@click.argument("name")
@_fields
def add(name: str, **fields: Any) -> None:
    """Put a package into the catalogue."""
    call = invocation()

    async def make(backend: Backend) -> Package:
        return await backend.packages.create(_changed({"name": name}, fields))

    one = with_backend(call, make)
    _done(call, one, f"added package {one.name} ({one.id})")


@package.command(example="deployx package edit nginx --version 1.24.0")
@click.argument("name", type=Name("package"))
@click.option("--name", "new_name", metavar="NAME", help="Another name.")
@_fields
def edit(name: str, new_name: str | None, **fields: Any) -> None:
    """Change what is given; the rest stays. Variants that are given replace the present ones."""
    call = invocation()

    async def change(backend: Backend) -> Package:
        from deployx_tui.model.package_json import package_to_json

        old = await backend.packages.find(name)
        assert old.id is not None  # noqa: S101 - it was found by the door
        data = {**package_to_json(old), **({} if new_name is None else {"name": new_name})}
        return await backend.packages.update(old.id, _changed(data, fields), old.revision)

    one = with_backend(call, change)
    _done(call, one, f"changed package {one.name}")


@package.command(example="deployx package rm nginx --yes")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", type=Name("package"))
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(names: tuple[str, ...], yes: bool) -> None:
    """Take packages out of the catalogue. On the devices they stay, and so does what is known of that."""
    call = invocation()

    async def remove(backend: Backend) -> list[Package]:
        found = [await backend.packages.find(name) for name in dict.fromkeys(names)]
        asking.confirm(call, f"delete {counted(len(found), 'package')}: {first_of([e.name for e in found])}", yes=yes)
        for one in found:
            assert one.id is not None  # noqa: S101 - as above
            await backend.packages.delete(one.id, one.revision)
        return found

    removed = with_backend(call, remove)
    if call.json:
        printing.put_json([one.id for one in removed])
    else:
        printing.put_line(f"deleted {', '.join(one.name for one in removed)}")


@package.command(example="deployx package where nginx")
@click.argument("name", required=False, type=Name("package"))
@click.option("--behind", is_flag=True, help="Only where it is another version than the catalogue's.")
def where(name: str | None, behind: bool) -> None:
    """What is where, as devices were last seen. Without NAME every package."""
    call = invocation()

    async def read(backend: Backend) -> tuple[InstalledPackage, ...]:
        return await backend.packages.where(name, behind=behind)

    found = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.service.wire.packages import installed_to_json

        printing.put_json([installed_to_json(each) for each in found])
        return
    nowhere = "no device is behind the catalogue" if behind else "no run has seen it anywhere yet"
    printing.put_table(
        ("PACKAGE", "DEVICE", "VERSION", "CATALOGUE", "BY", "SEEN"),
        (
            (
                each.package,
                each.device_name,
                each.version,
                f"{each.wanted}, behind" if each.is_behind else each.wanted or "any",
                each.installer.value,
                f"{each.seen_at.astimezone():%Y-%m-%d %H:%M} {each.seen_by}",
            )
            for each in found
        ),
        empty=nowhere,
    )


@package.command("import", example="deployx package import --starter --dry-run")
@click.argument("file", required=False, metavar="FILE")
@click.option("--starter", is_flag=True, help="The catalogue of twenty common packages that comes with deployx.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
def import_(file: str | None, starter: bool, dry_run: bool) -> None:
    """Packages out of a YAML or JSON file (- is standard input), by name: new ones are made, others replaced, all or
    none."""
    from deployx_tui.portability import packages_yaml

    call = invocation()
    if (file is None) is not starter:
        raise InvalidInput.of("FILE", "one catalogue is needed", "give FILE, - or --starter")
    given = packages_yaml.read(_starter() if file is None else _content(file))

    async def take(backend: Backend) -> Taken:
        return await backend.packages.take(given, dry_run=dry_run)

    taken = with_backend(call, take, engine=not dry_run)
    if call.json:
        from deployx_tui.service.wire.packages import taken_to_json

        printing.put_json({**taken_to_json(taken), "dry_run": dry_run})
        return
    would = "would be " if dry_run else ""
    for names, verb in ((taken.created, "added"), (taken.changed, "changed")):
        if names:
            printing.put_line(f"{counted(len(names), 'package')} {would}{verb}: {first_of(names, 30)}")
    printing.put_line(f"{counted(len(taken.same), 'package')} as in the file")


@package.command(example="deployx package export")
@click.argument("names", nargs=-1, metavar="[NAME]...", type=Name("package"))
def export(names: tuple[str, ...]) -> None:
    """The catalogue, or some packages of it, as YAML on standard output."""
    from deployx_tui.portability import packages_yaml

    call = invocation()

    async def read(backend: Backend) -> list[Package]:
        if names:
            return [await backend.packages.find(name) for name in dict.fromkeys(names)]
        return [*(await backend.packages.list()).items]

    found = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.model.package_json import package_to_json

        printing.put_json({"packages": [package_to_json(one) for one in found]})
    else:
        click.echo(packages_yaml.write(found), nl=False)


def _content(file: str) -> bytes:
    from deployx_tui.model.importing import LARGEST_FILE
    from deployx_tui.plain_file import NotPlain, read_plain, why_not

    if file == STDIN:
        return sys.stdin.buffer.read(LARGEST_FILE + 1)
    try:
        return read_plain(Path(file).expanduser(), LARGEST_FILE)
    except NotPlain as error:
        raise InvalidInput.of("FILE", str(error), error.remedy) from error
    except OSError as error:
        raise InvalidInput.of("FILE", f"{file} can't be read: {why_not(error)}", "give a file that is there") from error


def _starter() -> bytes:
    from importlib.resources import files

    return files("deployx_tui.portability").joinpath("starter.yaml").read_bytes()


def _changed(data: dict[str, Any], fields: dict[str, Any]) -> Package:
    """The package with what was given on the line."""
    from deployx_tui.model.package_json import package_from_json, variant_to_json

    for key in ("version", "description", "category", "publisher", "is_active"):
        if fields[key] is not None:
            data[key] = fields[key]
    if data.get("version") == "none":
        del data["version"]
    if fields["depends"]:
        data["depends"] = [name for name in fields["depends"] if name != "none"]
    if fields["variants"]:
        data["variants"] = [variant_to_json(_variant(text)) for text in fields["variants"]]
    return package_from_json(data)


def _variant(text: str) -> Variant:
    from deployx_tui.model.package import BY_NAME, InstallerKind, Variant

    kinds = [kind.value for kind in BY_NAME]
    kind, colon, rest = text.partition(":")
    name, _, systems = rest.partition("@")
    if not colon or not name or kind not in kinds:
        remedy = f"say KIND:NAME with one of {', '.join(kinds)}; other kinds are imported from a file"
        raise InvalidInput.of("--variant", f"{text[:60]!r} is no variant", remedy)
    return Variant(installer=InstallerKind(kind), name=name, os=tuple(word for word in systems.split(",") if word))


def _done(call: Invocation, one: Package, words: str) -> None:
    if call.json:
        from deployx_tui.service.wire.packages import stored_to_json

        printing.put_json(stored_to_json(one))
    else:
        printing.put_line(words)


def _put(one: Package) -> None:
    from deployx_tui.model.fact_words import sized
    from deployx_tui.model.parse import format_duration

    needs = one.requirements
    wanted = [
        f"os {' or '.join(needs.os)}" if needs.os else "",
        f"version {needs.os_version} of it" if needs.os_version else "",
        f"arch {' or '.join(needs.arch)}" if needs.arch else "",
        f"{sized(needs.free_disk)} of disk" if needs.free_disk else "",
        f"{sized(needs.free_memory)} of memory" if needs.free_memory else "",
        f"not {', '.join(needs.not_installed)}" if needs.not_installed else "",
    ]
    printing.put_facts([
        ("package", f"{one.name} ({one.id}){'' if one.is_active else ', inactive'}"),
        ("version", one.version or "any"),
        ("description", one.description or "-"),
        ("category", one.category or "-"),
        ("publisher", one.publisher or "-"),
        ("after", ", ".join(one.depends) or "-"),
        ("needs", ", ".join(filter(None, wanted)) or "-"),
    ])  # fmt: skip
    for each in one.variants:
        what = each.name or each.artifact or each.url or "script"
        where = f" on {', '.join(each.os)}" if each.os else ""
        arch = f" {', '.join(each.arch)}" if each.arch else ""
        limit = f", at most {format_duration(each.time_limit)}" if each.time_limit else ""
        version = f" {each.version}" if each.version else ""
        source = f"; {each.source}, {each.source_date}" if each.source else ""
        checked = "" if each.is_checked or not each.source else " (not checked)"
        printing.put_line(f"  {each.installer.value} {what}{version}{where}{arch}{limit}{source}{checked}")
        for label, text in _texts_of(each):
            first, *more = text.rstrip().splitlines() or [""]
            printing.put_line(f"    {label:<9}  {first}")
            for line in more:
                printing.put_line(f"    {'':<9}  {line}")


def _texts_of(variant: Variant) -> list[tuple[str, str]]:
    """What it runs on a device and how it sees what is there, as far as it says so itself."""
    found = variant.detection
    seen = found.path or found.command
    pattern = f", pattern {found.pattern}" if found.pattern else ""
    texts = (
        ("detection", f"{found.kind.value} {seen}{pattern}" if seen else ""),
        ("pre", variant.pre),
        ("script", variant.script),
        ("post", variant.post),
        ("uninstall", variant.uninstall),
    )
    return [(label, text) for label, text in texts if text]
