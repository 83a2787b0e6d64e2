"""A file of hosts, whatever it is: its format is recognised by its content, and its reader asked."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from deployx_tui.errors import InvalidInput
from deployx_tui.model.importing import LARGEST_FILE, HostList, HostSource, ImportFormat, LeftOut
from deployx_tui.plain_file import NotPlain, read_plain, why_not
from deployx_tui.portability import ansible_ini, ansible_json, ansible_yaml, csv_table, ssh_config
from deployx_tui.portability.refusing import refuse, text_of

_HOST_LINE = re.compile(r"^[ \t]*(Host|Match)[ \t]+[^=\n]+$", re.IGNORECASE | re.MULTILINE)
_YAML_KEY = re.compile(r"""\s*("[^"]+"|'[^']+'|[^\s#:'"\[{][^:#]*):\s*(#.*)?""")
_READERS = {
    ImportFormat.ANSIBLE_INI: ansible_ini.read,
    ImportFormat.ANSIBLE_YAML: ansible_yaml.read,
    ImportFormat.ANSIBLE_JSON: ansible_json.read,
    ImportFormat.CSV: csv_table.read,
}
#: variables of groups and hosts that Ansible reads from beside an inventory
_BESIDE = ("group_vars", "host_vars")


def read_hosts(source: HostSource) -> HostList:
    """Everything that a source lists. InvalidInput (fields `path`, `source`): it can't be read, with the line."""
    if source.content is not None:
        return _read(text_of(source.content), source.format)
    usual = ssh_config.usual_path()
    path = usual if source.path is None else Path(source.path).expanduser()
    if source.path is None and source.format in (None, ImportFormat.SSH_CONFIG):
        return ssh_config.read(path) if path.exists() else HostList(format=ImportFormat.SSH_CONFIG, hosts=())
    kind, text = source.format, _content(path)
    if (kind or recognised(text)) is ImportFormat.SSH_CONFIG:
        return ssh_config.read(path)
    found = _read(text, kind)
    return found if found.format is ImportFormat.CSV else _with_beside(found, path)


def digest_of(found: HostList) -> str:
    """The same for two readings that say the same."""
    return hashlib.sha256(repr(found).encode("utf-8", "backslashreplace")).hexdigest()


def recognised(text: str) -> ImportFormat:
    """By content; a list of bare host names is an INI inventory."""
    lines = [line for line in text.splitlines() if line.strip() and line.strip()[0] not in "#;"]
    first = lines[0] if lines else ""
    if first.lstrip().startswith("{"):
        return ImportFormat.ANSIBLE_JSON
    if any(ansible_ini.SECTION.fullmatch(line.strip()) for line in lines):
        return ImportFormat.ANSIBLE_INI
    if first.strip() == "---" or first.startswith("%YAML") or _YAML_KEY.fullmatch(first):
        return ImportFormat.ANSIBLE_YAML
    if csv_table.looks_like(first):
        return ImportFormat.CSV
    return ImportFormat.SSH_CONFIG if _HOST_LINE.search(text) else ImportFormat.ANSIBLE_INI


def _content(path: Path) -> str:
    try:
        content = read_plain(path, LARGEST_FILE)
    except FileNotFoundError:
        remedy = "name a file on the engine's machine"
        raise InvalidInput.of("path", f"there is no {path}", remedy) from None
    except NotPlain as error:
        remedy = f"{error.remedy}, cut into several if it is too large; or pipe it in: --file -"
        if path.is_dir():
            remedy = "`ansible-inventory -i FOLDER --list | deployx device import --file -` reads a whole folder"
        raise InvalidInput.of("path", str(error), remedy) from error
    except OSError as error:
        remedy = "name a readable file on the engine's machine"
        raise InvalidInput.of("path", f"{path} can't be read: {why_not(error)}", remedy) from error
    return text_of(content)


def _read(text: str, kind: ImportFormat | None) -> HostList:
    if text.startswith("#!"):
        remedy = "run it yourself: `FILE --list | deployx device import --file -`"
        refuse("it is a program, and an import runs nothing", remedy)
    if text.startswith("$ANSIBLE_VAULT;"):
        refuse("the whole file is vaulted", "`ansible-vault view FILE | deployx device import --file -`")
    kind = kind or recognised(text)
    if kind is ImportFormat.SSH_CONFIG:
        refuse("an OpenSSH configuration is read as a file, for what it includes", "name it: --file PATH")
    return _READERS[kind](text)


def _with_beside(found: HostList, path: Path) -> HostList:
    why = "variables beside the file are not read; `ansible-inventory -i FILE --list` has them, as JSON to import"
    beside = tuple(LeftOut(f"{name}/", why) for name in _BESIDE if (path.parent / name).is_dir())
    return replace(found, left_out=(*found.left_out, *beside))
