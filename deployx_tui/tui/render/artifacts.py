"""Artifacts as rows, and all that is known of one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from deployx_tui.model.artifact import Artifact, ArtifactKind, EntryKind, TreeEntry
from deployx_tui.model.words import counted, first_of, size_words
from deployx_tui.service.backend.artifacts import ArtifactUse, Collected
from deployx_tui.tui.render.line import BLANK, Line, Span, fit_line, line, span
from deployx_tui.tui.render.when import ago, day_and_clock

#: words of media types that are not their own last part
_WORDS = {
    "application/vnd.debian.binary-package": "deb",
    "application/x-debian-package": "deb",
    "application/x-rpm": "rpm",
    "application/x-msi": "msi",
    "application/x-ole-storage": "msi",
    "application/vnd.microsoft.portable-executable": "exe",
    "application/x-msdownload": "exe",
    "application/x-tar": "tar",
    "application/gzip": "gz",
    "application/x-xz": "xz",
    "application/zstd": "zst",
    "application/x-bzip2": "bz2",
    "application/zip": "zip",
    "application/x-wheel+zip": "wheel",
    "application/x-executable": "elf",
    "application/x-elf": "elf",
    "application/vnd.android.package-archive": "apk",
    "text/x-shellscript": "script",
    "text/x-script": "script",
}
_UNKNOWN = "application/octet-stream"
#: kinds whose name alone does not say what the file ends in
_ARCHIVES = ("tar.gz", "tar.xz", "tar.zst", "tar.bz2", "tgz")
#: cells of the kind's column
_LONGEST_WORD = 7
#: entries of a tree that a page shows before it counts the rest
MOST_ENTRIES = 2000
#: names of what uses an artifact, before the rest is counted
_USES = 12


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """One version of one name."""

    artifact: Artifact
    now: datetime
    #: older versions that are folded into this row
    older: int = 0
    #: not the newest of its name
    is_old: bool = False
    #: None: not read yet
    used: ArtifactUse | None = None

    @property
    def key(self) -> object:
        return self.artifact.id


def rows_of(
    artifacts: Sequence[Artifact], used: dict[object, ArtifactUse], now: datetime, *, whole: bool
) -> list[ArtifactRow]:
    """By name, the newest version first; older ones folded into it unless `whole`."""
    made: list[ArtifactRow] = []
    for index, each in enumerate(artifacts):
        is_old = index > 0 and artifacts[index - 1].name == each.name
        if is_old and not whole:
            newest = made[-1]
            made[-1] = ArtifactRow(newest.artifact, now, newest.older + 1, used=newest.used)
        else:
            made.append(ArtifactRow(each, now, is_old=is_old, used=used.get(each.id)))
    return made


def kind_word(artifact: Artifact) -> str:
    """What it is in one short word: deb, tar, folder, text."""
    if artifact.kind is ArtifactKind.TREE:
        return "folder"
    lowered = artifact.name.lower()
    for ending in _ARCHIVES:
        if lowered.endswith(f".{ending}"):
            return ending
    if artifact.media_type == _UNKNOWN:
        # nothing is known of its content: what its name ends in is all there is
        ending = lowered.rpartition(".")[2] if "." in lowered[1:] else ""
        return ending if ending.isalnum() and len(ending) <= _LONGEST_WORD else "data"
    if artifact.media_type in _WORDS:
        return _WORDS[artifact.media_type]
    main, _, rest = artifact.media_type.partition("/")
    word = rest.partition(";")[0].removeprefix("x-").rpartition(".")[2]
    if main == "text":
        return "text" if word in ("", "plain") else word[:_LONGEST_WORD]
    return word[:_LONGEST_WORD] or "data"


def says_words(artifact: Artifact) -> str:
    """What it says of itself, in a few words: "nginx 1.24.0-1 amd64", "12 files"; "" for nothing."""
    told = dict(artifact.metadata)
    words = [told[name] for name in ("package", "name", "product", "version", "architecture") if told.get(name)]
    if words:
        return " ".join(words[:3])
    if artifact.kind is ArtifactKind.TREE:
        return counted(artifact.files, "file")
    if told.get("unsafe"):
        return "! leads out of its folder"
    return f"{told['files']} files" if told.get("files") else ""


def uses_words(used: ArtifactUse | None) -> str:
    """ "2 tasks", "1 task, 3 runs", "no"; "" while it is not read."""
    if used is None:
        return ""
    words = [counted(len(used.tasks), "task")] if used.tasks else []
    words += [counted(len(used.executions), "run")] if used.executions else []
    return ", ".join(words) or "no"


def name_cell(row: ArtifactRow) -> Line:
    if row.is_old:
        return (span("  "), span(row.artifact.name, "dim"))
    return (span(row.artifact.name),)


def version_cell(row: ArtifactRow) -> Line:
    word = span(f"v{row.artifact.version}", "dim" if row.is_old else "")
    return (word, span(f" +{row.older}", "dim")) if row.older else (word,)


def kind_cell(row: ArtifactRow) -> Line:
    return (span(kind_word(row.artifact)),)


def size_cell(row: ArtifactRow) -> Line:
    return (span(size_words(row.artifact.size)),)


def says_cell(row: ArtifactRow) -> Line:
    words = says_words(row.artifact)
    return (span(words, "warn" if words.startswith("!") else "dim"),)


def added_cell(row: ArtifactRow) -> Line:
    return (span(ago(row.artifact.added_at, row.now)),)


def by_cell(row: ArtifactRow) -> Line:
    return (span(row.artifact.added_by),)


def used_cell(row: ArtifactRow) -> Line:
    words = uses_words(row.used)
    return (span(words, "dim" if words == "no" else ""),)


# what is known of one

#: cells of the labels' column
LABELS = 12


def _row(name: str, *spans: Span) -> Line:
    return (span(f" {name:<{LABELS - 1}}", "dim"), *spans)


def detail_lines(row: ArtifactRow, zone: tzinfo) -> tuple[Line, ...]:
    """What stands below the table."""
    one = row.artifact
    made = [
        _row("sha256", span(one.sha256)),
        _row("needed by", *_use_spans(row.used)),
        _row("came from", span(f"{one.origin}, by {one.added_by} {day_and_clock(one.added_at, zone)}")),
    ]
    if one.kind is ArtifactKind.TREE:
        made.append(_row("holds", span(f"{counted(one.files, 'file')}, {size_words(one.size)}")))
    if one.metadata:
        made.append(_row("says", span(", ".join(f"{name} {value}" for name, value in one.metadata[:8]))))
    return tuple(made)


def _use_spans(used: ArtifactUse | None) -> Line:
    if used is None:
        return (span("not read yet", "dim"),)
    if not used.tasks and not used.executions:
        return (span("nothing: it goes at the next collection once it is deleted"),)
    parts = [first_of(used.tasks, _USES)] if used.tasks else []
    if used.executions:
        runs = first_of([f"#{number}" for number in used.executions], _USES)
        parts.append(f"{runs}: alive, or to be rolled back to it")
    return (span("; ".join(parts)),)


def page_lines(
    versions: Sequence[Artifact],
    chosen: Artifact,
    used: ArtifactUse | None,
    tree: Sequence[TreeEntry] | None,
    now: datetime,
    zone: tzinfo,
) -> tuple[Line, ...]:
    """All of one version, and which others there are. `tree` None: not read yet."""
    by = span(f", by {chosen.added_by}")
    made: list[Line] = [
        line(span(f" VERSION {chosen.version}", "head"), span(_place_of(versions, chosen), "dim")),
        _row("sha256", span(chosen.sha256)),
        _row("size", span(f"{size_words(chosen.size)}  ({chosen.size:,} bytes)")),
        _row("kind", span(f"{kind_word(chosen)}  "), span(chosen.media_type, "dim")),
        _row("came from", span(chosen.origin)),
        _row("added", span(f"{day_and_clock(chosen.added_at, zone)}, {ago(chosen.added_at, now)}"), by),
        BLANK,
        line(span(" NEEDED BY", "head")),
        *_use_lines(used),
    ]
    if chosen.metadata:
        wide = min(24, max(len(name) for name, _ in chosen.metadata))
        made += [BLANK, line(span(" IT SAYS OF ITSELF", "head"))]
        made += [
            line(span(f" {name:<{wide}}  ", "dim"), span(value, "warn" if name == "unsafe" else ""))
            for name, value in chosen.metadata
        ]
    if chosen.kind is ArtifactKind.TREE:
        held = f"  {counted(chosen.files, 'file')}, {size_words(chosen.size)}"
        made += [BLANK, line(span(" HOLDS", "head"), span(held, "dim")), *_tree_lines(tree)]
    return tuple(made)


def version_lines(versions: Sequence[Artifact], chosen: Artifact, now: datetime, width: int) -> tuple[Line, ...]:
    """A line for each version, the newest first; the chosen one has the cursor."""
    made: list[Line] = []
    for each in versions:
        here = each.id == chosen.id
        made.append(
            line(
                span("▌ " if here else "  ", "accent"),
                span(f"v{each.version:<4}", "bold" if here else ""),
                span(f"{size_words(each.size):>10}  "),
                span(f"{ago(each.added_at, now):<9} "),
                span(f"{each.added_by:<9.9} ", "dim"),
                span(each.sha256, "dim"),
            )
        )
    return tuple(fit_line(each, width) for each in made)


def _place_of(versions: Sequence[Artifact], chosen: Artifact) -> str:
    if len(versions) == 1:
        return "  the only one"
    return (
        f"  the newest of {len(versions)}"
        if versions[0].id == chosen.id
        else f"  one of {len(versions)}, not the newest"
    )


def _use_lines(used: ArtifactUse | None) -> Iterable[Line]:
    if used is None:
        yield line(span(" not read yet", "dim"))
        return
    if not used.tasks and not used.executions:
        yield line(span(" nothing needs it: ctrl+d deletes it"))
    for name in used.tasks:
        yield line(span(" task  ", "dim"), span(name))
    for number in used.executions:
        yield line(span(" run   ", "dim"), span(f"#{number}"), span("  alive, or it can be rolled back to this", "dim"))


_MARKS = {EntryKind.FOLDER: "/", EntryKind.LINK: " → ", EntryKind.FILE: ""}


def _tree_lines(tree: Sequence[TreeEntry] | None) -> Iterable[Line]:
    if tree is None:
        yield line(span(" not read yet", "dim"))
        return
    for entry in tree[:MOST_ENTRIES]:
        told = size_words(entry.size) if entry.kind is EntryKind.FILE else ""
        mode = "" if entry.kind is EntryKind.LINK else f"{entry.mode:04o}"
        yield line(
            span(f" {mode:>5} {told:>10}  ", "dim"),
            span(f"{entry.path}{_MARKS[entry.kind]}"),
            span(entry.target, "dim"),
        )
    if len(tree) > MOST_ENTRIES:
        yield line(span(f" … {len(tree) - MOST_ENTRIES:,} more", "dim"))


def title_words(artifacts: Sequence[Artifact], total: int | None, *, has_more: bool) -> tuple[str, ...]:
    """`23 names, 61 versions`; while more are not read, only what is."""
    names = len({each.name for each in artifacts})
    count = len(artifacts)
    if has_more:
        return (f"the first {counted(count, 'version')}" + (f" of {total}" if total is not None else ""),)
    words = counted(names, "name")
    return (words if count == names else f"{words}, {counted(count, 'version')}",)


# garbage


def garbage_lines(found: Collected) -> tuple[Line, ...]:
    """What a collection would free, before anybody says yes."""
    made: list[Line] = [line(f"  {size_words(found.freed)} on disk that nothing needs:")]
    made += [
        line(span("    "), span(f"{each.name} v{each.version}"), span(f"  {size_words(each.size)}", "dim"))
        for each in found.artifacts[:8]
    ]
    if len(found.artifacts) > 8:
        made.append(line(span(f"    and {len(found.artifacts) - 8} more", "dim")))
    if not found.artifacts:
        made.append(line(span("    content of deleted artifacts and of uploads that broke off", "dim")))
    made.append(line(span(f"  {size_words(found.kept)} stay: tasks, runs or rollbacks need them", "dim")))
    return tuple(made)
