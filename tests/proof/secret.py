"""A command gets a secret, runs as root by sudo, and prints the secret in every spelling."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from tests.proof import spelled
from tests.proof.ground import SELECTOR, Ground, hostile
from tests.proof.program import until
from tests.proof.search import Found, Place, ProcessList, files, rows, search

#: {}: the control's second line, so that what names the command has it
GREET = 'id -un; printf "%s\\n" "$TOKEN" "$CONTROL" {}'

#: prints both values in every spelling, says in the common folder that it has, and waits until it may end. The control
#: stands in the arguments of the last process, for the search of the process list
TELL = """
"{interpreter}" - TOKEN CONTROL <<'END-OF-PROGRAM'
{program}
END-OF-PROGRAM
: >"$COMMON/told-$DEPLOYX_RUN"
sh -c 'until [ -e "$0/go" ]; do sleep 0.1; done' "$COMMON" "$CONTROL"
"""


def show(ground: Ground) -> None:
    t, deployx = ground.transcript, ground.deployx
    t.head("1. A secret is masked everywhere, although the command prints it")
    t.explain(
        "The vault keeps a secret of two lines. A command gets it as a variable and prints it on every host in each "
        "spelling that masking promises to know; beside it a control, which is no secret, in the same spellings. Then "
        "every place that keeps or shows something is searched: the secret must not be there, and the control must, or "
        "the search would be blind."
    )
    sought = {"the secret": hostile("token")}
    if ground.password:
        sought["the password of sudo"] = ground.password
    (ground.common / "control").write_text(ground.control)
    deployx(
        *["credential", "add", "token", "--kind", "parameter", "--stdin"],
        stdin=sought["the secret"],
        typed="deployx credential add token --kind parameter --stdin <secret.txt",
    )

    options = ["--param", "TOKEN:secret=token", "--param", f"CONTROL:file={ground.common}/control"]
    if ground.password:
        options.insert(0, "--sudo")
    greet = GREET.format(ground.control.splitlines()[1])
    shown = deployx("run", "--on", SELECTOR, *options, "--", greet)
    t.say()
    said = deployx("run", "--json", "--on", SELECTOR, *options, "--", greet, quiet=True)
    with ProcessList() as process_list:
        big = _tell(ground, options, process_list)
        shown += deployx("execution", "follow", big, quiet=True)
    # the last engine of a run writes all before it says that the run is over
    first, *others = (target.name for target in ground.targets)
    raw = deployx("execution", "output", big, first, "--raw", most=20)
    raw_of_others = [deployx("execution", "output", big, name, "--raw", quiet=True) for name in others]
    t.say()

    history = [["show", big], ["list", "--text", "control"]]
    folder, database = ground.home, ground.database
    places = [
        Place("standard output and error of the runs", shown + b"".join(deployx.errors)),
        *(
            Place(f"output of {name}, byte for byte", content, is_exact=True)
            for name, content in zip((first, *others), (raw, *raw_of_others), strict=True)
        ),
        Place("history", b"".join(deployx("execution", *words, quiet=True) for words in history)),
        Place("history, --json", b"".join(deployx("execution", *words, "--json", quiet=True) for words in history)),
        Place("outputs, --json", said + deployx("execution", "output", big, "--json", quiet=True)),
        Place("download, text", deployx("execution", "download", big, "--to", "-", quiet=True)),
        Place("download, archive", _archive(ground, big), is_exact=True),
        Place("process list, while it ran", process_list.content),
        Place("database files", files(database.parent, f"{database.name}*")),
        Place("database, value by value", rows(database)),
        Place("segment files of outputs", files(database.with_name(f"{database.name}-output")), is_exact=True),
        Place("logs of the engine", files(folder, "*.log")),
        Place("every file of deployx", files(folder)),
    ]
    found = [search(place, sought, ground.control) for place in places]
    t.say("Searched:")
    t.table(
        ("place", "bytes", *sought, "control"),
        [(each.place.name, len(each.place.content), *_counts(each, sought), _seen(each)) for each in found],
    )
    of = found[0].of
    leaks = [f"{each.place.name}: {leak}" for each in found for leak in each.leaks]
    t.claim(f"in none of {of} spellings and cuts is the secret in any of these {len(found)} places", not leaks, leaks)
    blind = [each.place.name for each in found if not each.sees]
    t.claim(
        "in each of them the same search finds the control, where bytes are kept in every spelling", not blind, blind
    )
    if ground.password:
        ran_as = shown.count("│ root\n".encode())
        t.claim("the commands ran as root, by sudo with a password", ran_as == len(ground.targets), f"{ran_as} times")
    masked = raw.count(b"[secret]")
    t.claim("what was masked stands as [secret] in the output", masked >= len(spelled.plain_spellings("")), masked)


def _tell(ground: Ground, options: list[str], process_list: ProcessList) -> str:
    """Run the program that prints every spelling, until `ps` was asked while it is alive everywhere; the run's id."""
    t = ground.transcript
    program = Path(spelled.__file__).read_text()
    around = ["--env", f"COMMON={ground.common}"]
    run = ground.start("tell", TELL.format(interpreter=sys.executable, program=program), *options, *around)
    until(lambda: len([*ground.common.glob("told-*")]) == len(ground.targets), "every host prints both values")
    before = process_list.looks
    until(lambda: process_list.looks > before + 2, "ps is asked while the commands run")
    t.say(f"  ... it has printed, and waits; ps has been asked {process_list.looks} times")
    (ground.common / "go").touch()
    return run


def _archive(ground: Ground, execution: str) -> bytes:
    path = ground.common / "run.zip"
    ground.deployx("execution", "download", execution, "--to", str(path), quiet=True)
    with zipfile.ZipFile(path) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


def _counts(found: Found, sought: dict[str, str]) -> list[object]:
    counts = [sum(leak.startswith(f"{name}: ") for leak in found.leaks) for name in sought]
    return ["no" if count == 0 else f"{count} SPELLINGS" for count in counts]


def _seen(found: Found) -> str:
    return f"in {found.control} of {found.of} spellings"
