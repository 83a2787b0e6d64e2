"""Why a target did not succeed: in two words, in a count of causes, and whole. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from deployx_tui.model.execution import Cause, CauseCount, TargetResult, TargetState
from deployx_tui.model.outcome_words import cause_word
from deployx_tui.tui.render.line import BLANK, Line, Span, StyleName, line, span, spread, width_of
from deployx_tui.tui.render.names import in_room
from deployx_tui.tui.render.safe import SafeText, show
from deployx_tui.tui.render.targets import why
from deployx_tui.tui.render.transfer import transfer_line
from deployx_tui.tui.render.words import wrap

#: causes whose word is true of every message that comes with them; those of the others say more than a word could
_NAMED = frozenset(
    {Cause.NAME, Cause.REFUSED, Cause.CONNECT_TIMEOUT, Cause.HOST_KEY, Cause.AUTH, Cause.SUDO, Cause.VERIFY}
)
#: their messages end with what to do, in brackets
_WITH_REMEDY = _NAMED | {Cause.UNREACHABLE, Cause.SHELL}
#: lines of a message in a count of causes
_DETAIL = 2


def class_of(target: TargetResult) -> str:
    """The end in two words, for a title: never cut. "" when the state's own word says as much."""
    if target.state is TargetState.SUCCEEDED:
        return ""
    if target.cause in _NAMED:
        return cause_word(target.cause)
    if target.signal is not None:
        return f"signal {target.signal}"
    if target.state is TargetState.FAILED and target.exit_code is not None:
        return f"exit {target.exit_code}"
    return ""


def short_why(target: TargetResult) -> str:
    """For a column: the classification where there is one, else the message."""
    return cause_word(target.cause) if target.cause in _NAMED else why(target)


def why_lines(target: TargetResult, width: int, *, has_output: bool) -> tuple[Line, ...]:
    """The whole message, wrapped; what to do stands apart. Empty when there is no more to say than the title does."""
    message = target.error_message
    made: list[Line] = []
    if target.progress is not None and not target.state.is_over:
        made.append(transfer_line(target.progress))
    if message and message != class_of(target):
        remedy = ""
        if target.cause in _WITH_REMEDY:
            message, remedy = split_remedy(message)
        made += _wrapped(message, width, "")
        if remedy:
            made += [BLANK, *_wrapped(remedy, width, "bold")]
    if target.state is TargetState.WAITING:
        made.append(line(span("it waits for its turn: nothing was started there yet", "dim")))
    elif not has_output and target.started_at is None:
        made += [*([BLANK] if made else []), line(span("it was not started, so there is no output", "dim"))]
    elif made:
        made.append(BLANK)
    return tuple(made)


def split_remedy(message: str) -> tuple[str, str]:
    """A message without the bracket that it ends with, and what stands in that bracket; "" when there is none."""
    if message.endswith(")"):
        depth = 0
        for index in range(len(message) - 1, 0, -1):
            depth += {")": 1, "(": -1}.get(message[index], 0)
            if depth == 0:
                if message[index - 1] == " ":
                    return message[: index - 1], message[index + 1 : -1]
                break
    return message, ""


def _wrapped(text: str, width: int, style: StyleName) -> list[Line]:
    return [(Span(piece, style),) for piece in wrap(show(text), width)]


def cause_lines(causes: Sequence[CauseCount], width: int) -> tuple[Line, ...]:
    """` 44  exit 127   web01-web22`, the most frequent first; below it a message that says more than its class."""
    made: list[Line] = []
    for head, messages, devices in _classes(causes):
        count = line(span(f"{len(devices):>3}  ", "bad"))
        pieces = _cut(wrap(show(head), width - 5))
        top = (*count, Span(pieces[0]))
        room = width - width_of(top) - 2
        names = in_room(devices, max(room, 8))
        beside = len(pieces) == 1 and len(names) <= room
        made.append(spread(top, line(span(names, "dim")), width) if beside else top)
        made += [(span("     "), Span(piece)) for piece in pieces[1:]]
        if not beside:
            made.append(line("     ", span(in_room(devices, width - 5), "dim")))
        if messages:
            more = f" (and {len(messages) - 1} more like it)" if len(messages) > 1 else ""
            first, _ = split_remedy(messages[0])
            made += [(span("     "), Span(piece, "dim")) for piece in _cut(wrap(show(first + more), width - 5))]
    return tuple(made)


def _cut(pieces: Sequence[SafeText]) -> Sequence[SafeText]:
    if len(pieces) <= _DETAIL:
        return pieces
    return (*pieces[: _DETAIL - 1], SafeText(f"{pieces[_DETAIL - 1].rstrip()}…"))


def _classes(causes: Sequence[CauseCount]) -> list[tuple[str, list[str], list[str]]]:
    """Class, the messages under it, devices: ten hosts that refuse are one cause, though each message has its own."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for each in causes:
        is_named = each.cause in _NAMED
        head = cause_word(each.cause) if is_named else each.message or cause_word(each.cause)
        messages, devices = found.setdefault(head, ([], []))
        if is_named and each.message and each.message != head:
            messages.append(each.message)
        devices.extend(each.devices)
    made = [(head, messages, devices) for head, (messages, devices) in found.items()]
    return sorted(made, key=lambda one: -len(one[2]))
