"""`deployx artifact`: files and folders that tasks put on targets, by the SHA-256 of what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.invocation import Group, invocation
from deployx_tui.errors import InvalidInput
from deployx_tui.model.words import counted, first_of, size_words

if TYPE_CHECKING:
    from deployx_tui.model.artifact import Artifact, TreeEntry
    from deployx_tui.service.backend import Backend
    from deployx_tui.service.backend.artifacts import ArtifactUse, Collected

#: what stands for standard input
STDIN = "-"
#: entries of a folder that `show` lists without --tree
MOST_SHOWN = 20


#: short words for types
_WORDS = {
    "application/vnd.debian.binary-package": "deb",
    "application/x-rpm": "rpm",
    "application/x-msi": "msi",
    "application/vnd.microsoft.portable-executable": "exe",
    "application/octet-stream": "bytes",
    "application/x-tar": "tar",
    "application/gzip": "gzip",
    "application/x-xz": "xz",
    "application/x-bzip2": "bzip2",
    "application/zstd": "zstd",
    "application/zip": "zip",
    "application/x-elf": "program",
    "text/x-script": "script",
    "text/plain": "text",
}


@click.group(cls=Group)
def artifact() -> None:
    """Files and folders that tasks put on targets."""


@artifact.command("list", example="deployx artifact list")
@click.argument("text", required=False, default="")
def list_(text: str) -> None:
    """Artifacts by name, the newest version of each first. TEXT: only names that hold it."""
    call = invocation()

    async def read(backend: Backend) -> list[Artifact]:
        found: list[Artifact] = []
        cursor: str | None = None
        while True:
            page = await backend.artifacts.list(text, limit=1000, cursor=cursor)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                return found

    found = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.service.wire.artifacts import artifact_to_json

        printing.put_json([artifact_to_json(one) for one in found])
        return
    printing.put_table(
        ("ID", "ARTIFACT", "VERSION", "SIZE", "TYPE", "ADDED", "BY", "SHA-256"),
        (
            (
                str(one.id),
                one.name,
                str(one.version),
                size_words(one.size),
                type_words(one),
                f"{one.added_at.astimezone():%Y-%m-%d %H:%M}",
                one.added_by,
                one.sha256[:12],
            )
            for one in found
        ),
        empty="no artifacts; deployx artifact add FILE stores one",
        gives_way="ARTIFACT",
        leaves=("BY", "TYPE", "ADDED"),
    )


@artifact.command(example="deployx artifact show app.conf")
@click.argument("name", type=Name("artifact"))
@click.option("--tree", "whole", is_flag=True, help="List everything that a folder holds.")
def show(name: str, whole: bool) -> None:
    """One artifact: what it is, what it says of itself, its versions, who needs it.

    NAME is the newest version, NAME@2 the second, a number an id.
    """
    call = invocation()

    async def read(backend: Backend) -> tuple[Artifact, tuple[Artifact, ...], ArtifactUse, tuple[TreeEntry, ...]]:
        one = await backend.artifacts.find(name)
        return (
            one,
            await backend.artifacts.versions(one.name),
            await backend.artifacts.uses(one.id),
            await backend.artifacts.tree(one.id),
        )

    one, versions, uses, tree = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.service.wire.artifacts import artifact_to_json, entry_to_json, use_to_json

        printing.put_json(
            {
                **artifact_to_json(one),
                "versions": [artifact_to_json(each) for each in versions],
                "uses": use_to_json(uses),
                "tree": [entry_to_json(entry) for entry in tree],
            }
        )
        return
    printing.put_facts(
        [
            ("artifact", f"{one.name} ({one.id}), version {one.version}"),
            ("kind", f"folder of {counted(one.files, 'file')}" if tree else "file"),
            ("size", f"{size_words(one.size)} ({one.size})" if one.size >= 1 << 10 else size_words(one.size)),
            ("sha256", one.sha256),
            ("type", one.media_type),
            ("origin", one.origin),
            ("added", f"{printing.instant(one.added_at)} by {one.added_by}"),
            *one.metadata,
            ("versions", first_of([str(each.version) for each in versions])),
            ("needed by", use_words(uses)),
        ]
    )
    for entry in tree if whole else tree[:MOST_SHOWN]:
        printing.put_line(f"  {entry_words(entry)}")
    if not whole and len(tree) > MOST_SHOWN:
        printing.put_line(f"  and {len(tree) - MOST_SHOWN} more; --tree lists them all")


@artifact.command(example="deployx artifact add app.conf")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--name", metavar="NAME", help="What it is called; default: as the file or folder is.")
def add(files: tuple[str, ...], name: str | None) -> None:
    """Store files and folders; - is standard input. A name that is there gets its next version.

    A folder is one artifact, with the links that stay within it. Equal content is stored once.
    """
    from deployx_tui.cli.sending import looked_at, send

    call = invocation()
    if name is not None and len(files) > 1:
        raise InvalidInput.of("--name", f"there are {len(files)} files and one name", "add them one at a time")
    if STDIN in files and name is None:
        raise InvalidInput.of("--name", "standard input has no name", "add --name NAME")
    # all of them before the first is sent
    sources = [None if file == STDIN else looked_at(Path(file)) for file in dict.fromkeys(files)]
    added: list[Artifact] = []

    async def store(backend: Backend) -> None:
        for source in sources:
            one = await send(call, backend, source, name)
            added.append(one)
            if not call.json:
                printing.put_line(
                    f"{one.name}@{one.version} ({one.id})  {size_words(one.size)}  sha256 {one.sha256[:12]}"
                )

    try:
        with_backend(call, store)
    finally:
        if call.json:
            from deployx_tui.service.wire.artifacts import artifact_to_json

            printing.put_json([artifact_to_json(one) for one in added])


@artifact.command(example="deployx artifact rm app.conf@1 --yes")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", type=Name("artifact"))
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(names: tuple[str, ...], yes: bool) -> None:
    """Delete versions of artifacts: NAME is the newest, NAME@2 the second, a number an id.

    One that a task needs stays. The content goes with the next `artifact gc`.
    """
    call = invocation()

    async def remove(backend: Backend) -> list[Artifact]:
        found = [await backend.artifacts.find(name) for name in dict.fromkeys(names)]
        shown = ", ".join(f"{one.name}@{one.version}" for one in found)
        asking.confirm(call, f"delete {counted(len(found), 'artifact')}: {shown}", yes=yes)
        for one in found:
            await backend.artifacts.delete(one.id)
        return found

    removed = with_backend(call, remove)
    if call.json:
        printing.put_json([one.id for one in removed])
    else:
        printing.put_line(f"deleted {', '.join(f'{one.name}@{one.version}' for one in removed)}")
        printing.note(call, "deployx artifact gc frees their space")


@artifact.command(example="deployx artifact gc --dry-run")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def gc(dry_run: bool, yes: bool) -> None:
    """Remove content that no artifact, no task and no run needs any more; says first what that is."""
    call = invocation()

    async def collect(backend: Backend) -> tuple[Collected, bool]:
        would = await backend.artifacts.collect(dry_run=True)
        if dry_run or not would.freed:
            return would, False
        if not call.json:
            put_collected(would, "would free")
        asking.confirm(call, f"remove {size_words(would.freed)} of content for ever", yes=yes)
        return await backend.artifacts.collect(dry_run=False), True

    found, is_done = with_backend(call, collect)
    if call.json:
        from deployx_tui.service.wire.artifacts import collected_to_json

        printing.put_json({**collected_to_json(found), "dry_run": not is_done})
    elif is_done:
        printing.put_line(f"freed {size_words(found.freed)}; {size_words(found.kept)} stay")
    else:
        put_collected(found, "would free")


def put_collected(found: Collected, verb: str) -> None:
    for one in found.artifacts:
        printing.put_line(f"{one.name}@{one.version} ({one.id})  {size_words(one.size)}")
    printing.put_line(f"{verb} {size_words(found.freed)}; {size_words(found.kept)} stay")


def type_words(one: Artifact) -> str:
    """What it is, with what it says of itself: "deb nginx 1.24.0-1 amd64"."""
    from deployx_tui.model.artifact import ArtifactKind

    if one.kind is ArtifactKind.TREE:
        return f"folder, {counted(one.files, 'file')}"
    said = dict(one.metadata)
    word = _WORDS.get(one.media_type, one.media_type)
    if "package" not in said:
        return word
    return " ".join([word, *(said[key] for key in ("package", "version", "architecture") if key in said)])


def use_words(uses: ArtifactUse) -> str:
    words = []
    if uses.tasks:
        words.append(f"{counted(len(uses.tasks), 'task')}: {first_of(uses.tasks)}")
    if uses.executions:
        words.append(f"runs {first_of([f'#{id_}' for id_ in uses.executions])}")
    return "; ".join(words) or "nothing"


def entry_words(entry: TreeEntry) -> str:
    from deployx_tui.model.artifact import EntryKind

    match entry.kind:
        case EntryKind.FOLDER:
            return f"{entry.mode:04o}  {entry.path}/"
        case EntryKind.LINK:
            return f"link  {entry.path} -> {entry.target}"
        case EntryKind.FILE:
            return f"{entry.mode:04o}  {entry.path}  {size_words(entry.size)}"
