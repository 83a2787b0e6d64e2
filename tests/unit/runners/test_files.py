"""The decisions of file tasks, without a target: texts for one target, differences, listings, journals, bundles."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deployx_tui.model.artifact import EntryKind
from deployx_tui.model.changes import ChangeKind, FileChange
from deployx_tui.model.files import Existing, FileItem, FilePayload, LineEndings
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.secret import Secret
from deployx_tui.runners.files import journal, names
from deployx_tui.runners.files.bundle import Bundle, Member
from deployx_tui.runners.files.decide import Deed, Step, decide, extras, too_many
from deployx_tui.runners.files.listing import Listing
from deployx_tui.runners.files.present import Present, mode_of, read_look
from deployx_tui.runners.files.render import LARGEST, Unfit, rendered, substitute, with_endings
from deployx_tui.runners.files.stopped import Stopped
from deployx_tui.runners.files.text import call, scripts
from deployx_tui.runners.files.wanted import MemoryContent, Want

PAYLOAD = FilePayload(items=(), target_path="/t/")
NAMES = st.sampled_from(["a", "B_1", "HOST", "x9"])
#: pieces of a template, and what each becomes
PIECES = st.one_of(
    st.text(st.characters(exclude_characters="$", exclude_categories=["Cs"])).map(lambda text: (text, text)),
    NAMES.map(lambda name: (f"${{{name}}}", f"<${{{name}}}>")),
    st.just(("$${", "${")),
    st.just(("$", "$")),
)


@given(st.lists(PIECES))
def test_each_name_is_replaced_once_and_everything_else_stays(pieces: list[tuple[str, str]]) -> None:
    template = "\n".join(piece for piece, _ in pieces)
    wanted = "\n".join(made for _, made in pieces)
    # a value that looks like a place is not looked into
    values: dict[str, str | Secret] = {name: f"<${{{name}}}>" for name in ("a", "B_1", "HOST")}
    values["x9"] = Secret.of("<${x9}>")
    assert substitute(template.encode(), values, {}).decode() == wanted


def test_what_stands_for_nothing_is_named() -> None:
    for text, words in (
        (b"${nobody}", "${nobody} is no parameter"),
        (b"\n${1}", "line 2"),
        (b"${os_id}", "not known of this device"),
        (b"\xff", "UTF-8"),
    ):
        with pytest.raises(Unfit, match=re.escape(words)):
            substitute(text, {}, {"os_id": None})
    with pytest.raises(Unfit, match="limit"):
        rendered(b"x" * (LARGEST + 1), FileItem(artifact=ArtifactId(1), substitute=True), {}, {})


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b""])))
def test_line_endings_are_of_one_kind_and_stay_when_asked_twice(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    unix, dos = with_endings(content, LineEndings.LF), with_endings(content, LineEndings.CRLF)
    assert with_endings(content, LineEndings.AS_IS) == content
    assert b"\r\n" not in with_endings(unix, LineEndings.LF) or b"\r\r\n" in content
    assert dos.count(b"\n") == dos.count(b"\r\n") == content.count(b"\n")
    assert with_endings(dos, LineEndings.CRLF) == dos


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
CONTENTS = st.sampled_from(["1", "2", "3"])


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_tree(files: dict[str, str]) -> bool:
    return not any(other.startswith(f"{path}/") for path in files for other in files)


@given(
    st.dictionaries(PATHS, CONTENTS).filter(_is_tree),
    st.dictionaries(PATHS, CONTENTS).filter(_is_tree),
    st.sets(st.sampled_from(["a", "b/*", "*/c", "c"])),
)
def test_a_tree_is_as_wanted_after_its_steps_and_no_step_is_idle(
    wanted: dict[str, str], there: dict[str, str], protected: set[str]
) -> None:
    """Against a model: a dictionary of contents that the steps are carried out on."""
    wants = [Want(path=f"/t/{path}", kind=EntryKind.FILE, sha256=sha(text), root="/t") for path, text in wanted.items()]
    present = {path: Present(kind="file", sha256=sha(text)) for path, text in there.items()}
    for path in there:
        above = path.rpartition("/")[0]
        while above:
            present[above] = Present(kind="folder")
            above = above.rpartition("/")[0]
    decision = decide(PAYLOAD, wants, {f"/t/{path}": found for path, found in present.items()})
    if decision.problems:
        assert not _is_tree({**wanted, **there})
        return
    assert all(step.present.sha256 != step.wanted.sha256 for step in decision.steps)
    after = {f"/t/{path}": found for path, found in present.items()}
    for step in decision.steps:
        after[step.path] = Present(kind="file", sha256=step.wanted.sha256)
    deletions = extras("/t", present, wants, tuple(protected))
    for step in deletions:
        assert not [path for path in after if path.startswith(f"{step.path}/")], "a folder goes after what is in it"
        del after[step.path]
    for want in wants:
        assert after[want.path].sha256 == want.sha256
    for path in set(present) - set(wanted):
        is_safe = any(_covers(pattern, path) for pattern in protected)
        holds = any(other.startswith(f"/t/{path}/") for other in after)
        assert (f"/t/{path}" in after) == (is_safe or holds), path
    assert decide(PAYLOAD, wants, after).steps == []


def _covers(pattern: str, path: str) -> bool:
    parts = path.split("/")
    expression = re.compile(re.escape(pattern).replace(r"\*", ".*") + r"\Z")
    return any(expression.match("/".join(parts[: count + 1])) for count in range(len(parts)))


def test_an_existing_file_is_replaced_kept_or_a_problem() -> None:
    want = Want(path="/t/a", kind=EntryKind.FILE, sha256=sha("1"), mode=0o600)
    other = {"/t/a": Present(kind="file", sha256=sha("2"), mode=0o600)}
    stamped = {"/t/a": Present(kind="file", sha256=sha("1"), mode=0o644)}

    def found(existing: Existing, present: dict[str, Present]) -> tuple[list[Deed], int, int]:
        payload = FilePayload(items=(), target_path="/t/", existing=existing)
        decision = decide(payload, [want], present)
        return [step.deed for step in decision.steps], len(decision.kept), len(decision.problems)

    assert found(Existing.REPLACE, other) == ([Deed.PUT], 0, 0)
    assert found(Existing.KEEP, other) == ([], 1, 0)
    assert found(Existing.FAIL, other) == ([], 0, 1)
    assert found(Existing.REPLACE, stamped) == ([Deed.RESTAMP], 0, 0)
    assert found(Existing.FAIL, stamped) == ([Deed.RESTAMP], 0, 0)
    assert found(Existing.FAIL, {}) == ([Deed.PUT], 0, 0)


def test_the_share_of_deletions_is_of_what_is_there() -> None:
    step = Step(deed=Deed.DELETE, path="/t/a", present=Present(kind="file"))
    assert not too_many(PAYLOAD, [step], 10)
    assert too_many(PAYLOAD, [step], 9)


ENTRY_NAMES = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1)


@given(st.dictionaries(ENTRY_NAMES, st.sampled_from(["f", "d", "l"])), st.integers(1, 40), st.booleans())
def test_a_listing_is_the_same_in_whatever_pieces_it_comes(kinds: dict[str, str], size: int, ends_in_nul: bool) -> None:
    text = b"dxf me 0\ndxf tree find " + (b"z\n" if ends_in_nul else b"n\n")
    for name, kind in kinds.items():
        text += f"{kind} 644 root root 0 0 5 1.5 2.5 {name}\0".encode() + (b"to there\0" if kind == "l" else b"")
    text += b"\0"
    for name, kind in kinds.items():
        if kind != "f":
            continue
        if ends_in_nul:
            text += f"{sha(name)}  ./{name}\0".encode()
        else:  # as GNU writes it
            escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
            text += f"{chr(92) if escaped != name else ''}{sha(name)}  ./{escaped}\n".encode()
    text += b"dxf end\n"
    listing = Listing()
    for start in range(0, len(text), size):
        listing.hear(text[start : start + size])
    listing.finish()
    words = {"f": "file", "d": "folder", "l": "link"}
    assert {name: found.kind for name, found in listing.entries.items()} == {n: words[k] for n, k in kinds.items()}
    assert listing.hashes == {name: sha(name) for name, kind in kinds.items() if kind == "f"}
    assert {found.target for found in listing.entries.values() if found.kind == "link"} <= {"to there"}
    assert listing.answers == [["me", "0"]]
    cut = Listing()
    cut.hear(text[:-8])
    with pytest.raises(Stopped, match="no end"):
        cut.finish()


def test_answers_that_make_no_sense_are_a_failure_and_no_exception() -> None:
    good = [["hash", "sha256sum"], ["me", "0"], ["home", "/root"], ["state", "/var/lib/deployx"]]
    assert read_look(good).uid == 0
    for bad in (
        [["at", "x"]], [["at", "0", "ghost", "-", "-", "-", "0", "-", "-", "-"]], [["free", "9", "rw"]], [["boo"]],
        [["in", "1", "folder", "0", "yes"], ["free", "x", "rw", "1"]],
    ):  # fmt: skip
        with pytest.raises(Stopped, match="can't be read"):
            read_look([*good, *bad])
    with pytest.raises(Stopped):
        read_look([["hash", "md5"], *good[1:]])
    with pytest.raises(Stopped):
        read_look([*good[:2], ["home", "relative"], good[3]])


@pytest.mark.parametrize(
    ("words", "mode"),
    [("-rw-r--r--", 0o644), ("-rwsr-xr-x", 0o4755), ("-rwSr-S--T", 0o7640), ("drwxrwxrwt", 0o1777), ("-", -1)],
)
def test_modes_are_read_as_ls_writes_them(words: str, mode: int) -> None:
    assert mode_of(words) == mode


@example("-", ChangeKind.CREATED)
@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1), st.sampled_from(ChangeKind)
)
def test_a_journal_says_what_was_written_into_it(path: str, kind: ChangeKind) -> None:
    line = journal.line(kind, path, "before", "", "/kept/folder")
    assert "\n" not in line
    [change] = journal.read([tuple(f"{line} 3-run".split(" "))])
    assert change == FileChange(path=path, kind=kind, before="before", kept="/kept/folder/3-run")
    assert journal.read([("nonsense",), ("created", "a", "b")]) == []


def test_what_a_journal_says_counts_only_where_it_holds() -> None:
    change = FileChange(path="/a", kind=ChangeKind.CREATED, after=sha("1"))
    assert journal.that_hold([change], {"/a": Present(kind="file", sha256=sha("1"))}.get) == [change]
    assert journal.that_hold([change], {"/a": Present()}.get) == []
    assert journal.that_hold([change], lambda path: None) == []


def test_one_change_for_each_path_from_the_first_state_to_the_last() -> None:
    first = FileChange(path="/a", kind=ChangeKind.REPLACED, before="1", after="2", kept="/k/1")
    second = FileChange(path="/a", kind=ChangeKind.REPLACED, before="2", after="3", kept="/k/2")
    [merged] = journal.merged([first, second])
    assert (merged.before, merged.after, merged.kept) == ("1", "3", "/k/1")


@given(st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=250))
def test_a_temporary_name_is_hidden_short_and_of_its_run(name: str) -> None:
    found = names.beside(f"/t/{name}", "nonce", "sha")
    own = found.removeprefix("/t/")
    assert own.startswith(".")
    assert "/" not in own
    assert len(own.encode()) <= 255
    assert found == names.beside(f"/t/{name}", "nonce", "sha") != names.beside(f"/t/{name}", "other", "sha")


@given(st.lists(st.tuples(ENTRY_NAMES.filter(lambda n: len(n) < 200), st.binary(max_size=2000)), max_size=30))
def test_the_size_of_a_bundle_is_known_before_it_is_made(members: list[tuple[str, bytes]]) -> None:
    held = []
    for number, (name, data) in enumerate(members):
        content = MemoryContent(data)
        want = Want(
            path=f"/t/{number}", kind=EntryKind.FILE, size=len(data), sha256=content.sha256, content=lambda c=content: c
        )
        step = Step(deed=Deed.PUT, path=want.path, present=Present(), want=want)
        held.append(Member(name=f"{number}/{name}", step=step, mode=0o644))
    bundle = Bundle(members=tuple(held))
    assert bundle.content().size == bundle.size


def test_no_word_of_a_call_is_more_than_a_word_and_scripts_stay_small() -> None:
    assert call("dx_look", 1, "it's $(x)\n") == "dx_look '1' 'it'\\''s $(x)\n'\n"
    made = list(scripts(call("dx_look", number, "x" * 1000) for number in range(1000)))
    assert 1 < len(made) < 10
    assert all(len(script) < 400_000 for script in made)
