"""Ansible inventories, compared with what ansible-core 2.19 itself made of them (`ansible-inventory --list`).

The .json beside each inventory is its output, made anew with
`ansible-inventory -i FILE --list > FILE.json`.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.device import TransportKind
from deployx_tui.model.hosts import JumpHost
from deployx_tui.model.importing import HostList, HostSource, ImportFormat, ListedHost
from deployx_tui.portability.host_patterns import hosts_of
from deployx_tui.portability.hosts import read_hosts

CORPUS = Path(__file__).parent / "inventories"
INVENTORIES = sorted(path for path in CORPUS.iterdir() if path.suffix in (".ini", ".yaml"))
FORMATS = {".ini": ImportFormat.ANSIBLE_INI, ".yaml": ImportFormat.ANSIBLE_YAML}


def read(text: str, kind: ImportFormat | None = None) -> HostList:
    return read_hosts(HostSource(content=text.encode(), format=kind))


def refused(text: str, kind: ImportFormat | None = None) -> str:
    with pytest.raises(InvalidInput) as found:
        read(text, kind)
    assert all(problem.remedy for problem in found.value.problems)
    return str(found.value)


def by_name(found: HostList) -> dict[str, ListedHost]:
    return {host.draft.name: host for host in found.hosts}


def theirs(path: Path) -> dict[str, dict[str, object]]:
    data = json.loads(path.with_name(f"{path.name}.json").read_text())
    names = {host for group, found in data.items() if group != "_meta" for host in found.get("hosts", ())}
    variables: dict[str, dict[str, object]] = data["_meta"]["hostvars"]
    return {name: variables.get(name, {}) for name in names}


@pytest.mark.parametrize("path", INVENTORIES, ids=lambda path: path.name)
def test_an_inventory_is_read_as_ansible_reads_it(path: Path) -> None:
    ours = read_hosts(HostSource(path=str(path)))
    said = read_hosts(HostSource(path=f"{path}.json"))
    assert (ours.format, said.format) == (FORMATS[path.suffix], ImportFormat.ANSIBLE_JSON)
    assert set(by_name(ours)) == set(theirs(path))
    for name, host in by_name(ours).items():
        other = by_name(said)[name]
        assert (host.draft, host.jumps, host.refused) == (other.draft, other.jumps, other.refused)
        assert set(host.groups) == set(other.groups)
        assert set(host.left_out) == set(other.left_out)
    holding = {group for host in ours.hosts for group in host.groups}
    inside = {pair for pair in ours.nesting if pair[1] in holding}
    assert inside == {pair for pair in said.nesting if pair[1] in holding}


@pytest.mark.parametrize("path", INVENTORIES, ids=lambda path: path.name)
def test_the_strongest_variable_is_the_one_that_ansible_says(path: Path) -> None:
    for name, variables in theirs(path).items():
        draft = by_name(read_hosts(HostSource(path=str(path))))[name].draft
        address = variables.get("ansible_ssh_host", variables.get("ansible_host", name))
        if "{{" not in str(address) and draft.transport is TransportKind.SSH:
            port = variables.get("ansible_ssh_port", variables.get("ansible_port"))
            assert (draft.address, draft.user) == (address, variables.get("ansible_user"))
            assert draft.port == (None if port is None else int(str(port)))


def test_jump_hosts_come_out_of_the_arguments_for_ssh() -> None:
    hosts = by_name(read_hosts(HostSource(path=str(CORPUS / "ways.ini"))))
    assert hosts["far1"].jumps == (JumpHost("bastion.example.com", "ops", 2222),)
    assert hosts["old1"].jumps == (JumpHost("gateway.example.com", "user", None),)
    assert hosts["old2"].jumps == (JumpHost("first", None, None), JumpHost("second", None, None))
    assert [each.what for each in hosts["far1"].left_out] == ["ansible_ssh_common_args: StrictHostKeyChecking"]
    assert [each.what for each in hosts["old3"].left_out] == ["ansible_ssh_common_args: ProxyCommand"]


def test_what_is_no_device_says_why() -> None:
    hosts = by_name(read_hosts(HostSource(path=str(CORPUS / "ways.ini"))))
    assert hosts["localhost"].draft.transport is TransportKind.LOCAL
    for name, word in (("win1", "winrm"), ("win2", "psrp")):
        assert word in hosts[name].refused
        assert "Windows" in hosts[name].refused
    assert "network_cli" in hosts["router"].refused
    assert "template" in hosts["templated"].refused


def test_no_secret_is_read_whatever_it_is_called() -> None:
    found = read_hosts(HostSource(path=str(CORPUS / "ways.ini")))
    assert "Secret" not in repr(found)
    assert [each.what for each in by_name(found)["box"].left_out] == ["ansible_ssh_pass", "ansible_become_password"]
    vault = "box:\n  hosts:\n    a:\n      ansible_user: !vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        6162\n"
    (host,) = read(vault).hosts
    assert "vaulted" in host.refused
    assert "6162" not in repr(host)
    listed = {"g": {"hosts": ["a"]}, "_meta": {"hostvars": {"a": {"ansible_password": {"__ansible_vault": "6162"}}}}}
    (host,) = read(json.dumps(listed)).hosts
    assert [each.what for each in host.left_out] == ["ansible_password"]


def test_other_variables_are_counted() -> None:
    found = read("a x=1 y=2\nb x=3\n[g]\na\n[g:vars]\nx=4\nansible_user=u\n")
    assert found.ignored == (("x", 3), ("y", 1))


@pytest.mark.parametrize(
    ("pattern", "names", "port"),
    [
        ("web[01:03]", ("web01", "web02", "web03"), None),
        ("web[8:12:2]x:22", ("web8x", "web10x", "web12x"), 22),
        ("[a:c]1", ("a1", "b1", "c1"), None),
        ("[:1]-[x:y]", ("0-x", "0-y", "1-x", "1-y"), None),
        ("[2001:db8::1]:2222", ("2001:db8::1",), 2222),
        ("2001:db8::1", ("2001:db8::1",), None),
    ],
)
def test_ranges_are_written_out(pattern: str, names: tuple[str, ...], port: int | None) -> None:
    assert hosts_of(pattern) == (names, port)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("web[1:100000]", "100000 hosts"),
        ("h[1:999][1:999][1:999]", "hosts, more than"),
        ("h[1:99999999999999999999]", "neither"),
        ("web[5:1]", "ends before"),
        ("web[01:100]", "as long"),
        ("web[1:3:0]", "step"),
        ("web[1]", "no range"),
        ("web[1:3", "other half"),
        ("web:", "colon"),
    ],
)
def test_a_range_that_can_not_be_meant_says_why(pattern: str, says: str) -> None:
    assert says in refused(f"{pattern}\n", ImportFormat.ANSIBLE_INI)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[web]\na\n[web:frogs]\n", "line 3: [web:frogs]"),
        ("[web vars]\na\n", "line 1"),
        ("a\n[nobody:vars]\nx=1\n", "nowhere declared"),
        ("a\n[web:children]\nnobody\n", "nowhere declared"),
        ("a ansible_password=my secret\n", "line 1: there is a word without an equals sign"),
        ("a x='\n", "line 1"),
        ("# nothing\n", "names no host"),
        ("a\n[x:children]\ny\n[y:children]\nx\n", "inside itself: "),
        ("#!/usr/bin/env python3\n", "a program"),
        ("$ANSIBLE_VAULT;1.1;AES256\n6162\n", "vaulted"),
        ("a\0b\n", "NUL"),
    ],
)
def test_an_ini_inventory_that_is_none_names_the_line(text: str, says: str) -> None:
    words = refused(text, ImportFormat.ANSIBLE_INI)
    assert says in words
    assert "secret" not in words


LAUGHS = "a: &a [x, x]\n" + "".join(f"{n}: &{n} [*{p}, *{p}]\n" for p, n in itertools.pairwise("abcde"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LAUGHS, "line 2: *a is an alias"),
        ("all:\n  hosts: &h\n    a:\nweb:\n  <<: {}\n", "line 5: << is not read"),
        ("all: !!python/object/apply:os.system [true]\n", "tag"),
        ("all:\n  hosts:\n    a: !custom x\n", "line 3: the tag"),
        ("all: " + "{x: " * 40 + "}" * 40 + "\n", "too deep"),
        ("all:\n  hosts:\n    a:\n    a:\n", "line 4: 'a' stands there twice"),
        ("all:\n  hosts:\n    - a\n", "hosts of the group all is no mapping"),
        ("all:\n hosts:\n  a: x\n", "no variables"),
        ("all:\n  hosts: {a: [\n", "not YAML"),
        ("plugin: aws_ec2\n", "plugin"),
        ("---\na:\n---\nb:\n", "second document"),
        ("- a\n", "not a mapping"),
        ("all: \x07\n", "not YAML"),
    ],
)
def test_a_yaml_inventory_that_is_none_is_refused(text: str, says: str) -> None:
    assert says in refused(text, ImportFormat.ANSIBLE_YAML)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "too deep"),
        ('{"a":' * 40 + "1" + "}" * 40, "too deep"),
        ('{"a": 1}', "not an object"),
        ('{"a": {"hosts": "x"}}', "no list of names"),
        ('{"a": {"hosts": ["x"], "children": ["b"]}, "b": {"children": ["a"]}}', "inside itself"),
        ("{}", "names no host"),
    ],
)
def test_json_that_is_no_inventory_is_refused(text: str, says: str) -> None:
    assert says in refused(text, ImportFormat.ANSIBLE_JSON)


def test_many_hosts_in_many_groups_have_a_limit() -> None:
    many = "".join(f"[g{number}]\nh[1:9999]\n" for number in range(20))
    assert "members of groups" in refused(many)
    assert "give at most 10000" in refused("h[1:9000]\ni[1:9000]\n")
