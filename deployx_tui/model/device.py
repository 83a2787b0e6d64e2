"""What tasks run on: devices, and groups of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from deployx_tui.model.facts import Facts, KnownFacts
from deployx_tui.model.ids import CredentialId, DeviceId, GroupId


class TransportKind(StrEnum):
    SSH = "ssh"
    LOCAL = "local"  # this machine, as the engine's own account


class HostKeyPolicy(StrEnum):
    """What an unknown host key means. A changed key is refused under each of them."""

    ASK = "ask"  # a person decides in the terminal; unattended it is a refusal
    ACCEPT_NEW = "accept-new"  # the first key seen is kept, and audited
    STRICT = "strict"  # unknown is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDraft:
    """What a person says of a device."""

    name: str
    #: host name or address
    address: str
    #: None: what ~/.ssh/config says for the address, else 22
    port: int | None = None
    #: None: what ~/.ssh/config says, else the engine's account
    user: str | None = None
    transport: TransportKind = TransportKind.SSH
    #: path of a private key on the engine's machine; None: what ~/.ssh/config and the agent offer
    key_file: str | None = None
    #: of the vault, at most one for a purpose; (): those that are bound to its groups, if there are any
    credentials: tuple[CredentialId, ...] = ()
    #: the device through which it is reached; None: what ~/.ssh/config says (ProxyJump), else straight
    jump: DeviceId | None = None
    #: None: the strictest of its groups' policies, else `ask`
    host_key_policy: HostKeyPolicy | None = None
    tags: frozenset[str] = frozenset()
    #: static groups that it is a direct member of
    groups: tuple[GroupId, ...] = ()
    description: str = ""


class Contact(StrEnum):
    """What the last attempt to reach a device found."""

    NEVER = "never"
    OK = "ok"
    UNREACHABLE = "unreachable"
    HOST_KEY = "host_key"
    AUTH = "auth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    id: DeviceId
    draft: DeviceDraft
    version: int
    contact: Contact
    #: when `contact` was found; None: never tried
    contact_at: datetime | None
    #: every group that holds it: direct, by nesting, by selector; sorted by name
    member_of: tuple[str, ...]
    #: what it told of itself when it was last asked; None: nothing yet
    facts: KnownFacts | None = None
    #: the names of its jump hosts, as the rows say, outermost first
    via: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.draft.name


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDraft:
    name: str
    description: str = ""
    #: "#rrggbb"
    color: str = "#808080"
    #: None: a static group; else members are what this selector matches, at each look
    selector: str | None = None
    #: direct members of a static group
    devices: tuple[DeviceId, ...] = ()
    #: groups inside this group; a cycle is refused
    groups: tuple[GroupId, ...] = ()
    #: acts on it name what they touch and ask for the count to be typed
    protected: bool = False
    host_key_policy: HostKeyPolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    id: GroupId
    draft: GroupDraft
    version: int
    #: all members, through nesting and selectors, sorted by id
    members: tuple[DeviceId, ...]

    @property
    def name(self) -> str:
        return self.draft.name


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectorMatch:
    """What a selector resolves to at this moment, and why each device is in."""

    selector: str
    #: (id, name, the term that brought it in), sorted by name
    devices: tuple[tuple[DeviceId, str, str], ...]
    #: devices that are out only because a fact that it asks for (`os:`, `arch:`) is not known of them
    unknown: int = 0


class TestStepName(StrEnum):
    """The steps of a connection test, in order."""

    __test__ = False  # not a test class

    RESOLVE = "resolve"
    CONNECT = "connect"
    HOST_KEY = "host_key"
    AUTHENTICATE = "authenticate"
    RUN = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestStep:
    """One step of a connection test."""

    __test__ = False

    name: TestStepName
    ok: bool
    #: what was found ("port 22, OpenSSH_9.2p1, strict kex"), or what failed
    message: str
    #: what to do; "" when ok
    remedy: str
    elapsed_ms: int
    #: the jump host that it is about; "": the device itself
    hop: str = ""
    #: SHA256:... of a host key that waits for a decision, with its base64 key line; None otherwise
    offered_key: OfferedKey | None = None
    #: with RUN: what the device told of itself
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class OfferedKey:
    """A host key that is not in known_hosts, or not the known one."""

    fingerprint: str
    key_type: str
    #: the base64 text of the public key blob
    key: str
    #: fingerprint of the known key that it differs from; None: no key is known
    known_fingerprint: str | None = None
    #: the jump host that showed it, as known_hosts names it; None: the device itself
    host: str | None = None
