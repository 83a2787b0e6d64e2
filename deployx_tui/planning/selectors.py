"""Selectors: the one grammar that says which devices are meant. Pure.

    selector  = item { "," item }             any of them
    item      = factor { "&" factor }         all of them
    factor    = [ "!" ] term                  not this
    term      = NAME                          a device, else a group; also a device's id
              | PATTERN                       device names, with * and ?
              | "@" NAME-or-PATTERN           members of groups, through nesting and their own selectors
              | "tag:" TAG                    devices with this tag
              | "failed:" EXECUTION           failed, not started and lost targets of a run
              | "os:" NAME                    devices with this system, by its own name or its kernel's
              | "arch:" NAME                  devices with this architecture

An item that only excludes (`!web07`) narrows the whole selector: `web*,!web07` is web* without web07, and `!web07`
alone is everything else. A device of which the asked fact is not known is in neither `os:debian` nor `!os:debian`: it
is counted. `-` (names on standard input) is the command line's, before it comes here.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from fnmatch import translate
from typing import NoReturn, assert_never

from deployx_tui.errors import InvalidInput
from deployx_tui.model.device import SelectorMatch
from deployx_tui.model.facts import canonical_arch, word_or_none
from deployx_tui.model.ids import DeviceId, ExecutionId, GroupId, id_of
from deployx_tui.model.inventory import Inventory, InventoryDevice, InventoryGroup

#: which targets of an execution did not succeed
Failed = Callable[[ExecutionId], frozenset[DeviceId]]

#: what a name can't hold because the grammar uses it
SPECIAL = ",&!@*?()[]"
#: characters of a selector: the ids or names of five thousand devices fit
MAX_LENGTH = 100_000
#: characters between two of , and &
MAX_WORD = 500
#: terms that are more than a lone name: each may look at every device
MAX_SEARCHES = 500
PREFIXES = ("tag:", "failed:", "os:", "arch:")


# ---- what was typed


@dataclass(frozen=True, slots=True)
class Word:
    """A device, else a group."""

    name: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """Device names."""

    pattern: str


@dataclass(frozen=True, slots=True)
class GroupTerm:
    """Members of the groups that a name or pattern fits."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Tag:
    tag: str


@dataclass(frozen=True, slots=True)
class FailedOf:
    execution: ExecutionId


@dataclass(frozen=True, slots=True)
class System:
    """By the name of the system or of its kernel, in small letters."""

    name: str


@dataclass(frozen=True, slots=True)
class Arch:
    """By its one name."""

    name: str


Term = Word | Pattern | GroupTerm | Tag | FailedOf | System | Arch


@dataclass(frozen=True, slots=True)
class Factor:
    term: Term
    is_negated: bool

    @property
    def is_search(self) -> bool:
        """Whether it takes a look at every device."""
        return self.is_negated or not isinstance(self.term, Word)


@dataclass(frozen=True, slots=True)
class Item:
    #: as typed, for "why is it in"
    text: str
    factors: tuple[Factor, ...]

    @property
    def only_excludes(self) -> bool:
        return all(factor.is_negated for factor in self.factors)


@dataclass(frozen=True, slots=True)
class Selector:
    text: str
    items: tuple[Item, ...]

    @property
    def terms(self) -> tuple[Term, ...]:
        return tuple(factor.term for item in self.items for factor in item.factors)


def parse(text: str) -> Selector:
    """Read a selector. InvalidInput (field `selector`) when it is none; whether its names exist is not asked."""
    if len(text) > MAX_LENGTH:
        _refuse(f"it is longer than {MAX_LENGTH} characters", "name a group, a tag or a pattern instead")
    typed = unicodedata.normalize("NFC", text).strip()
    if not typed:
        _refuse("it is empty", "give a device, @group, tag:NAME or a pattern such as web*")
    # a repeated item adds nothing
    items = tuple(dict.fromkeys(_item(part) for part in typed.split(",")))
    searching = (item for item in items if len(item.factors) > 1 or item.factors[0].is_search)
    if sum(len(item.factors) for item in searching) > MAX_SEARCHES:
        _refuse(f"it has more than {MAX_SEARCHES} patterns and conditions", "name a group or a tag instead")
    return Selector(typed, items)


def _item(text: str) -> Item:
    factors = []
    for part in text.split("&"):
        word = part.strip()
        is_negated = word.startswith("!")
        factors.append(Factor(_term(word[1:].strip() if is_negated else word), is_negated))
    return Item(text.strip(), tuple(factors))


def _term(word: str) -> Term:
    if not word:
        _refuse("a name is missing beside , & or !", "write for example web01,web02 or @web&!web07")
    if len(word) > MAX_WORD:
        _refuse(f"{word[:20]}... is longer than {MAX_WORD} characters", "separate names by commas")
    if word.startswith("tag:"):
        if not word[4:]:
            _refuse("tag: names no tag", "write for example tag:prod")
        return Tag(word[4:])
    if word.startswith("failed:"):
        number = id_of(word.removeprefix("failed:"))
        if number is None:
            _refuse(f"{word!r} names no execution", "write for example failed:8841")
        return FailedOf(ExecutionId(number))
    if word.startswith("os:"):
        return System(_fact(word, "os:debian, or os:linux").lower())
    if word.startswith("arch:"):
        return Arch(canonical_arch(_fact(word, "arch:x86_64")))
    is_group = word.startswith("@")
    name = word[1:].strip() if is_group else word
    if not name:
        _refuse("@ names no group", "write for example @web")
    if bad := next((character for character in name if character in SPECIAL and character not in "*?"), None):
        _refuse(f"{bad!r} has no place in a name", "join terms with , (or) and & (and); exclude with !")
    if is_group:
        return GroupTerm(name)
    return Pattern(name) if _is_pattern(name) else Word(name)


def _fact(word: str, example: str) -> str:
    prefix, _, name = word.partition(":")
    if word_or_none(name) is None:
        what = "is missing" if not name else f"{name!r} is none: it has letters, digits, dots, dashes and underscores"
        _refuse(f"the name after {prefix}: {what}", f"write for example {example}")
    return name


def _is_pattern(name: str) -> bool:
    return "*" in name or "?" in name


def _refuse(message: str, remedy: str) -> NoReturn:
    raise InvalidInput.of("selector", message, remedy)


# ---- what it means now


def resolve(
    selector_text: str, inventory: Inventory, failed: Failed | None = None, *, lenient: bool = False
) -> SelectorMatch:
    """The devices that a selector means at this moment, by name, each with the item that brought it in.

    InvalidInput when a name is no device or group, or both; `lenient`: such a name means nothing, as in a group's
    stored selector, which may outlive what it names.
    """
    selector = parse(selector_text)
    resolver = _Resolver(inventory, failed, lenient)
    why = resolver.evaluate(selector)
    found = [(device, inventory.devices[device].name, term) for device, term in why.items()]
    return SelectorMatch(
        selector=selector.text,
        devices=tuple(sorted(found, key=lambda row: (row[1], row[0]))),
        unknown=len(resolver.unknown - why.keys()),
    )


def members(inventory: Inventory, group: GroupId) -> tuple[DeviceId, ...]:
    """All members of a group, through nesting and selectors, by id. A group inside itself adds nothing."""
    return tuple(sorted(_Resolver(inventory, None, True).members(group)))


class _Resolver:
    """Evaluates selectors over one inventory; remembers the groups that it has been through."""

    def __init__(self, inventory: Inventory, failed: Failed | None, lenient: bool) -> None:
        self._inventory = inventory
        self._failed = failed
        self._lenient = lenient
        self._open: set[GroupId] = set()
        #: devices that a term about facts left out because the fact is not known of them
        self.unknown: set[DeviceId] = set()
        self._by_name: dict[str, InventoryDevice] = {device.name: device for device in inventory.devices.values()}
        self._groups: dict[str, InventoryGroup] = {group.name: group for group in inventory.groups.values()}

    def evaluate(self, selector: Selector) -> dict[DeviceId, str]:
        every = frozenset(self._inventory.devices)
        chosen: dict[DeviceId, str] = {}
        choosing = [item for item in selector.items if not item.only_excludes]
        for item in choosing:
            for device in sorted(self._all_of(item, every)):
                chosen.setdefault(device, item.text)
        excluding = [item for item in selector.items if item.only_excludes]
        if not choosing:
            text = ",".join(item.text for item in excluding)
            chosen = dict.fromkeys(every, text)
        for item in excluding:
            kept = self._all_of(item, frozenset(chosen))
            chosen = {device: text for device, text in chosen.items() if device in kept}
        return chosen

    def _all_of(self, item: Item, among: frozenset[DeviceId]) -> frozenset[DeviceId]:
        """Those of `among` that every factor fits. Factors about facts come last: they count whom they leave out."""
        found = among
        for factor in sorted(item.factors, key=lambda each: isinstance(each.term, System | Arch)):
            if isinstance(factor.term, System | Arch):
                told = frozenset(device for device in found if self._is_told(factor.term, device))
                self.unknown |= found - told
                found = told
            devices = self._term(factor.term)
            found = found - devices if factor.is_negated else found & devices
        return found

    def _is_told(self, term: System | Arch, device: DeviceId) -> bool:
        """Whether the device is known to be so, or known not to be."""
        known = self._inventory.devices[device]
        return bool(known.os) if isinstance(term, System) else known.arch is not None

    def _term(self, term: Term) -> frozenset[DeviceId]:
        match term:
            case Word(name):
                return self._word(name)
            case Pattern(pattern):
                return frozenset(self._by_name[name].id for name in _fitting(pattern, self._by_name))
            case GroupTerm(pattern):
                return self._group_term(pattern)
            case Tag(tag):
                return frozenset(device.id for device in self._inventory.devices.values() if tag in device.tags)
            case System(name):
                return frozenset(device.id for device in self._inventory.devices.values() if name in device.os)
            case Arch(name):
                return frozenset(device.id for device in self._inventory.devices.values() if name == device.arch)
            case FailedOf(execution):
                if self._failed is not None:
                    return self._failed(execution) & frozenset(self._inventory.devices)
                if self._lenient:
                    return frozenset()
                _refuse("failed: can't be used here", "use it with run, or rerun the execution")
            case _:
                assert_never(term)

    def _word(self, name: str) -> frozenset[DeviceId]:
        device, group = self._by_name.get(name), self._groups.get(name)
        if device is not None and group is not None and not self._lenient:
            _refuse(f"{name!r} is a device and a group", f"write @{name} for the group, or the device's id {device.id}")
        if device is not None:
            return frozenset({device.id})
        if group is not None:
            return self.members(group.id)
        number = id_of(name)
        if number is not None and (numbered := DeviceId(number)) in self._inventory.devices:
            return frozenset({numbered})
        if not self._lenient:
            self._unknown("device or group", name, [*self._by_name, *self._groups])
        return frozenset()

    def _group_term(self, pattern: str) -> frozenset[DeviceId]:
        if _is_pattern(pattern):
            groups = [self._groups[name].id for name in _fitting(pattern, self._groups)]
        elif pattern in self._groups:
            groups = [self._groups[pattern].id]
        elif self._lenient:
            groups = []
        else:
            self._unknown("group", pattern, self._groups)
        return frozenset().union(*(self.members(group) for group in groups))

    def _unknown(self, noun: str, name: str, known: Iterable[str]) -> NoReturn:
        near = difflib.get_close_matches(name, list(known), n=3)
        remedy = f"did you mean {' or '.join(near)}?" if near else "see `deployx device list` and `deployx group list`"
        _refuse(f"there is no {noun} {name!r}", remedy)

    def members(self, group: GroupId) -> frozenset[DeviceId]:
        found = self._inventory.groups.get(group)
        if found is None or group in self._open:
            return frozenset()
        self._open.add(group)
        try:
            if found.selector is not None:
                return self._stored(found.selector)
            direct = found.devices & frozenset(self._inventory.devices)
            return direct.union(*(self.members(child) for child in found.groups))
        finally:
            self._open.discard(group)

    def _stored(self, selector: str) -> frozenset[DeviceId]:
        """A group's own selector: what it names may be gone since, and then means nothing."""
        lenient, self._lenient = self._lenient, True
        try:
            return frozenset(self.evaluate(parse(selector)))
        except InvalidInput:
            return frozenset()
        finally:
            self._lenient = lenient


def _fitting(pattern: str, names: Iterable[str]) -> list[str]:
    # names can't hold brackets, so fnmatch's third wildcard never comes up
    fits = re.compile(translate(pattern)).match
    return [name for name in names if fits(name)]


# ---- cycles


def mentioned_groups(selector_text: str, inventory: Inventory) -> frozenset[GroupId]:
    """The groups that a selector's words name; a pattern names those that fit it now."""
    names = {group.name: group.id for group in inventory.groups.values()}
    found: set[GroupId] = set()
    for term in parse(selector_text).terms:
        match term:
            case Word(name) if name in names:
                found.add(names[name])
            case GroupTerm(pattern):
                found.update(names[name] for name in _fitting(pattern, names))
            case _:
                pass
    return frozenset(found)


def would_cycle(inventory: Inventory, group: GroupId, children: Collection[GroupId]) -> tuple[str, ...]:
    """The names along the way from `group` through `children` back to it; empty when there is no such way."""
    trail: list[GroupId] = [group]
    seen: set[GroupId] = set()

    def leads_back(at: GroupId) -> bool:
        trail.append(at)
        if at == group:
            return True
        if at not in seen:
            seen.add(at)
            if any(leads_back(child) for child in sorted(_children(inventory, at))):
                return True
        trail.pop()
        return False

    if any(leads_back(child) for child in sorted(children)):
        return tuple(inventory.groups[at].name for at in trail if at in inventory.groups)
    return ()


def _children(inventory: Inventory, group: GroupId) -> frozenset[GroupId]:
    found = inventory.groups.get(group)
    if found is None:
        return frozenset()
    if found.selector is None:
        return found.groups
    try:
        return mentioned_groups(found.selector, inventory)
    except InvalidInput:
        return frozenset()
