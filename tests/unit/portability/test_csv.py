"""Tables of hosts."""

from __future__ import annotations

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.device import HostKeyPolicy, TransportKind
from deployx_tui.model.hosts import JumpHost
from deployx_tui.model.importing import HostSource, ImportFormat, ListedHost
from deployx_tui.portability.hosts import read_hosts

FULL = "name,address,port,user,transport,groups,tags,jump,key,host_key_policy,description\n"


def read(text: str | bytes, kind: ImportFormat | None = None) -> tuple[ListedHost, ...]:
    found = read_hosts(HostSource(content=text.encode() if isinstance(text, str) else text, format=kind))
    assert found.format is ImportFormat.CSV
    return found.hosts


def test_each_column_is_a_field_of_a_device() -> None:
    (host,) = read(
        FULL + 'web01,10.0.0.1,2222,deploy,ssh,"web, prod",edge;eu,ops@bastion:2200,/keys/web,strict,"said ""so"""\n'
    )
    draft = host.draft
    assert (draft.name, draft.address, draft.port, draft.user) == ("web01", "10.0.0.1", 2222, "deploy")
    assert (draft.transport, draft.key_file) == (TransportKind.SSH, "/keys/web")
    assert (draft.host_key_policy, draft.description) == (HostKeyPolicy.STRICT, 'said "so"')
    assert draft.tags == {"edge", "eu"}
    assert host.groups == ("web", "prod")
    assert host.jumps == (JumpHost("bastion", "ops", 2200),)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_separators_line_ends_and_a_byte_order_mark_are_recognised(separator: str, start: bytes, end: str) -> None:
    rows = (("Name", "IP", "Description"), ("web01", "10.0.0.1", f'"a{separator}b, c"'), ("", "", ""), ("x", "y", ""))
    text = end.join(separator.join(row) for row in rows) + end
    first, second = read(start + text.encode())
    assert (first.draft.address, first.draft.description) == ("10.0.0.1", f"a{separator}b, c")
    assert (second.draft.name, second.draft.address) == ("x", "y")


def test_a_name_is_an_address_and_an_address_a_name_where_the_other_is_missing() -> None:
    assert [(host.draft.name, host.draft.address) for host in read("name,address\nweb01,\n,10.0.0.1\n")] == [
        ("web01", "web01"),
        ("10.0.0.1", "10.0.0.1"),
    ]


def test_windows_is_recognised_and_not_yet_possible() -> None:
    winrm, here = read("name,transport\nwin1,winrm\nhere,local\n")
    assert "Windows" in winrm.refused
    assert (here.draft.transport, here.draft.address) == (TransportKind.LOCAL, "localhost")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,adress\na,b\n", "line 1: there is no column 'adress' (did you mean address?"),
        ("name,colour\na,b\n", "the columns are name, address, port"),
        ("name,ssh_password\na,hunter2\n", "passwords and keys are never imported"),
        ("name,name\na,b\n", "there twice"),
        ("user,port\na,22\n", "neither a column name nor address"),
        ("name,port\na,22\nb\n", "line 3: it has 1 cells"),
        ("name,port\na,x\n", "line 2: 'x' is not a port"),
        ("name,port\na,٣\n", "is not a port"),
        ("name,transport\na,telnet\n", "'telnet' is no transport"),
        ("name,host_key_policy\na,never\n", "no host key policy"),
        ("name,jump\na,-oProxyCommand=x\n", "line 2: jump:"),
        ("name,port\na,22\na,23\n", "line 3: the device 'a' stands in line 2 too"),
        ('name,port\n"a,22\n', "not CSV"),
        ("name,port\n,22\n", "neither a name nor an address"),
        ("name,port\n", "has no device"),
        ("name,port\n" + "".join(f"h{number},22\n" for number in range(10_001)), "at most 10000"),
    ],
)
def test_a_table_that_can_not_be_meant_names_line_and_column(text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(text, ImportFormat.CSV)
    assert says in str(refused.value)
    assert "hunter2" not in str(refused.value)
