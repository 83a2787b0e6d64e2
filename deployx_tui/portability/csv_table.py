"""A table of hosts as CSV: the first line names the columns, each further line is a device."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Mapping

from deployx_tui.model.device import DeviceDraft, HostKeyPolicy, TransportKind
from deployx_tui.model.hosts import JumpHost, jump_host
from deployx_tui.model.importing import HostList, ImportFormat, ListedHost
from deployx_tui.portability.ansible_vars import NO_SECRETS
from deployx_tui.portability.refusing import MOST_HOSTS, refuse, too_many

SEPARATORS = ",;\t"
#: a column's name, and what else it is called
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("device", "device_name", "hostname"),
    "address": ("host", "ip", "ip_address"),
    "port": (),
    "user": ("login",),
    "transport": ("protocol", "connection"),
    "groups": ("group",),
    "tags": ("tag",),
    "jump": ("jump_host", "proxyjump"),
    "key": ("key_file",),
    "host_key_policy": (),
    "description": ("comment", "note"),
}
_BY_WORD = {word: name for name, others in _COLUMNS.items() for word in (name, *others)}
_SECRET = re.compile(r".*(pass|password|passphrase|secret|token)", re.IGNORECASE)
_WINDOWS = frozenset(("winrm", "psrp"))
#: between the names in one cell
_IN_A_CELL = re.compile(r"[,;|]")


def looks_like(first_line: str) -> bool:
    """Whether a line can be the head of such a table."""
    words = re.split(f"[{SEPARATORS}]", first_line.lower())
    return len(words) > 1 and any(_word(word.strip('"')) in ("name", "address") for word in words)


def read(text: str) -> HostList:
    """InvalidInput names the line and the column."""
    separator = _separator(text)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    hosts: dict[str, ListedHost] = {}
    lines: dict[str, int] = {}
    columns: list[str] | None = None
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if columns is None:
                columns = _head(row, rows.line_num)
                continue
            if len(row) != len(columns):
                message = f"it has {len(row)} cells, the first line has {len(columns)}"
                refuse(message, f'quote cells that hold {separator!r}: "a{separator}b"', rows.line_num)
            cells = {name: cell.strip() for name, cell in zip(columns, row, strict=True)}
            host = _host(cells, rows.line_num)
            if host.draft.name in hosts:
                message = f"the device {host.draft.name!r} stands in line {lines[host.draft.name]} too"
                refuse(message, "leave one of them out", rows.line_num)
            if len(hosts) >= MOST_HOSTS:
                too_many(len(hosts) + 1, "devices or more", MOST_HOSTS, rows.line_num)
            hosts[host.draft.name], lines[host.draft.name] = host, rows.line_num
    except csv.Error as error:
        refuse(f"it is not CSV: {error}", "mend the quotes there", rows.line_num)
    if not hosts:
        refuse("it has no device", f"name the columns in the first line ({', '.join(_COLUMNS)}), then a device a line")
    return HostList(format=ImportFormat.CSV, hosts=tuple(hosts.values()))


def _separator(text: str) -> str:
    """Of the first line that says something, outside of quotes."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    return max(SEPARATORS, key=bare.count)


def _head(row: list[str], line: int) -> list[str]:
    found: list[str] = []
    for cell in row:
        name = _word(cell)
        if name is None:
            if _SECRET.fullmatch(cell.strip()):
                refuse(f"the column {cell.strip()!r}: {NO_SECRETS}", "take the column out", line)
            near = difflib.get_close_matches(cell.strip().lower(), _BY_WORD, n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            refuse(f"there is no column {cell.strip()[:60]!r}", f"{meant}the columns are {', '.join(_COLUMNS)}", line)
        if name in found:
            refuse(f"the column {name} is there twice", "leave one of them out", line)
        found.append(name)
    if "name" not in found and "address" not in found:
        refuse("there is neither a column name nor address", "add one of them", line)
    return found


def _word(cell: str) -> str | None:
    return _BY_WORD.get(re.sub(r"[\s-]+", "_", cell.strip().lower()))


def _host(cells: Mapping[str, str], line: int) -> ListedHost:
    name, address = cells.get("name", ""), cells.get("address", "")
    if not name and not address:
        refuse("the device has neither a name nor an address", "fill in one of them", line)
    transport, refused = _transport(cells.get("transport", "").lower(), line)
    return ListedHost(
        draft=DeviceDraft(
            name=name or address,
            address=address or ("localhost" if transport is TransportKind.LOCAL else name),
            port=_port(cells.get("port", ""), line),
            user=cells.get("user") or None,
            transport=transport,
            key_file=cells.get("key") or None,
            host_key_policy=_policy(cells.get("host_key_policy", ""), line),
            tags=frozenset(_listed(cells.get("tags", ""))),
            description=cells.get("description", ""),
        ),
        groups=tuple(dict.fromkeys(_listed(cells.get("groups", "")))),
        jumps=_jumps(cells.get("jump", ""), line),
        refused=refused,
    )


def _listed(cell: str) -> list[str]:
    return [word.strip() for word in _IN_A_CELL.split(cell) if word.strip()]


def _port(cell: str, line: int) -> int | None:
    if not cell:
        return None
    if not cell.isascii() or not cell.isdigit() or len(cell) > 5:
        refuse(f"{cell[:40]!r} is not a port", "give 1 to 65535, or nothing for 22", line)
    return int(cell)


def _transport(cell: str, line: int) -> tuple[TransportKind, str]:
    if cell in _WINDOWS:
        return TransportKind.SSH, f"it is reached by {cell}, and Windows is not supported yet"
    try:
        return TransportKind(cell or "ssh"), ""
    except ValueError:
        words = ", ".join(kind.value for kind in TransportKind)
        refuse(f"{cell[:40]!r} is no transport", f"say one of {words}, or nothing for ssh", line)


def _policy(cell: str, line: int) -> HostKeyPolicy | None:
    try:
        return HostKeyPolicy(cell) if cell else None
    except ValueError:
        words = ", ".join(policy.value for policy in HostKeyPolicy)
        refuse(f"{cell[:40]!r} is no host key policy", f"say one of {words}, or nothing", line)


def _jumps(cell: str, line: int) -> tuple[JumpHost, ...]:
    try:
        return tuple(jump_host(word) for word in _listed(cell))
    except ValueError as error:
        refuse(f"jump: {error}", "write a device's name or [user@]host[:port]", line)
