"""A connection test, step by step, and the decision about a host key. The default is to refuse."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from deployx_tui.errors import DeployxError
from deployx_tui.model.device import Device, OfferedKey, TestStep
from deployx_tui.model.outcome_words import step_word
from deployx_tui.tui.keymap import CONNECTION_TEST, bindings
from deployx_tui.tui.render.connection import key_lines, step_lines
from deployx_tui.tui.render.line import BLANK, Line, StyleName, line, span
from deployx_tui.tui.screens.dialogs import Choice, Question
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.widgets.base import Pane


class ConnectionTest(Place):
    """Resolve, connect, host key, sign in, run: what was found, what failed, what to do."""

    tab = "devices"
    keys = "connection_test"
    has_table = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(CONNECTION_TEST)]
    DEFAULT_CSS = "ConnectionTest #steps { height: 1fr; padding: 1 0 0 0; }"

    def __init__(self, device: Device) -> None:
        super().__init__()
        self._device = device
        self._steps: tuple[TestStep, ...] = ()
        self._is_testing = False

    def body(self) -> Iterable[Widget]:
        with Vertical(id="body"):
            yield Pane(id="steps")

    def reload(self) -> None:
        if not self._steps and not self._is_testing:
            self._test()

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#steps", Pane).focus()

    @property
    def key(self) -> OfferedKey | None:
        """The key that waits for a decision."""
        return next((step.offered_key for step in self._steps if step.offered_key is not None), None)

    @work(exclusive=True, group="test")
    async def _test(self) -> None:
        self._steps, self._is_testing = (), True
        self._show()
        try:
            async for step in self.bridge.backend.devices.test(self._device.id):
                self._steps = (*self._steps, step)
                self._show()
        except DeployxError as error:
            self.tell_error(error)
        finally:
            self._is_testing = False
        self._show()

    def _show(self) -> None:
        width = self.size.width
        rows: list[Line] = [*step_lines(self._steps, self._is_testing, width), BLANK]
        failed = next((step for step in self._steps if not step.ok), None)
        style: StyleName
        if self.key is not None:
            rows += key_lines(self._device, self.key, width)
            rows += [BLANK, line(" ", span("H ", "key"), "decide about this key; until then it is refused")]
            verdict, style = "! your answer is wanted", "warn"
        elif self._is_testing:
            verdict, style = "▸ testing", "run"
        elif failed is not None:
            verdict, style = f"✗ {step_word(failed.name)} failed", "bad"
        elif self._steps:
            rows.append(line(" ", span("✓ ", "good"), span(f"{self._device.name} can be used: a command ran on it")))
            verdict, style = "✓ all steps", "good"
        else:
            verdict, style = "not tested", "dim"
        self.say_title((f"Devices ▸ {self._device.name}", "connection test"), (verdict,), style)
        self.query_one("#steps", Pane).set_lines(rows)
        self.refresh_frame()

    def on_resize(self) -> None:
        self._show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "again":
                return not self._is_testing and self.bridge.is_up
            case "decide":
                return self.key is not None and not self._is_testing
            case _:
                return super().check_action(action, parameters)

    def action_again(self) -> None:
        self._test()

    @work(exclusive=True, group="act")
    async def action_decide(self) -> None:
        key = self.key
        if key is None:
            return
        changed = key.known_fingerprint is not None
        lines: list[Line] = []
        if changed:
            lines += [line("  known    "), line(f"    {key.known_fingerprint}")]
        lines += [line(f"  offered  {key.key_type}"), line(f"    {key.fingerprint}")]
        if changed:
            lines += [BLANK, line(span("  The known key is replaced, and kept in the audit.", "warn"))]
        question = Question(
            f"The host key of {key.host or self._device.name}",
            lines,
            (Choice(True, "trust it", "it becomes the known key"),),
            # a changed key is either a reinstall or an attack: the name is typed, not a reflex
            typed=self._device.name if changed else "",
            cancel="refuse",
        )
        if not await self.app.push_screen_wait(question):
            self.tell(f"refused: no run talks to {self._device.name}", "warn")
            return
        if await self.attempt_done(self.bridge.backend.devices.trust(self._device.id, key)):
            self.tell(f"✓ {key.fingerprint} is the known key of {key.host or self._device.name}")
            self._test()

    def copy_text(self) -> str:
        key = self.key
        if key is None:
            return ""
        return "\n".join(each for each in (key.known_fingerprint, key.fingerprint) if each is not None)
