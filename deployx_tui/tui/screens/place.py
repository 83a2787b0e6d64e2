"""What every place (a screen with frame, title and keys) is and can."""

from __future__ import annotations

from collections.abc import Awaitable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widget import Widget

from deployx_tui.errors import DeployxError, InvalidInput, Unavailable
from deployx_tui.tui.bridge import Bridge, Changed, LinkChanged, StripChanged, Ticked
from deployx_tui.tui.keymap import CHOOSE, EVERYWHERE, PLACES, TOGGLE, Key, while_typing
from deployx_tui.tui.render.line import StyleName
from deployx_tui.tui.render.safe import SafeText, show
from deployx_tui.tui.standing import Link
from deployx_tui.tui.widgets.base import Said, TitleBar
from deployx_tui.tui.widgets.choices import AnyOf, Choices
from deployx_tui.tui.widgets.frame import Footer, Header, Notice, RunningStrip

if TYPE_CHECKING:
    from deployx_tui.tui.app import DeployxApp

T = TypeVar("T")


class Place(Screen[None]):
    """Header, title, the subclass's body, footer, running strip.

    A subclass names its `tab` and its `keys` (in `keymap.PLACES`), gives `body()`, and reads from the backend in
    `reload()`, which is called when the place is entered, when the engine is (again) up, and by itself after
    events. It must not block: calls go in workers.
    """

    #: the tab that is lit while this place is seen
    tab: ClassVar[str] = ""
    #: its entry in `keymap.PLACES`
    keys: ClassVar[str] = ""
    #: whether the help says the table's keys
    has_table: ClassVar[bool] = True
    #: whether it is a form, and the help says its fields' keys
    has_fields: ClassVar[bool] = False
    BINDINGS: ClassVar[list[BindingType]] = []
    AUTO_FOCUS = "#body"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - the framework's attribute
    DEFAULT_CSS = """
    Place { layers: base notice; background: $background; color: $foreground; layout: vertical; }
    Place.-stale #body, Place.-stale Pane { opacity: 60%; }
    Place #body { height: 1fr; }
    """

    @property
    def deployx(self) -> DeployxApp:
        return self.app  # type: ignore[return-value]  # places live in this app only

    @property
    def bridge(self) -> Bridge:
        return self.deployx.bridge

    def compose(self) -> ComposeResult:
        yield Header()
        yield TitleBar(id="title")
        yield from self.body()
        yield Footer()
        yield RunningStrip()
        yield Notice()

    def body(self) -> Iterable[Widget]:
        """What stands between title and footer."""
        raise NotImplementedError

    def reload(self) -> None:
        """Read everything from the backend again (in a worker). The bridge is up."""

    def tick(self) -> None:
        """A minute began, or the zone changed: say times anew."""

    def changed(self, change: Changed) -> None:
        """Something happened in the engine; a place that shows it reads it again."""

    @property
    def is_narrow(self) -> bool:
        return self.size.width < 100

    # title, words, errors

    def say_title(self, left: Sequence[str], right: Sequence[str] = (), verdict: StyleName = "") -> None:
        self.query_one("#title", TitleBar).say(left, right, verdict)

    def tell(self, text: str, style: StyleName = "good") -> None:
        """A short word to the person, made safe."""
        self.query_one(Notice).say(show(text), style)

    def tell_error(self, error: DeployxError) -> None:
        """What went wrong and what to do about it."""
        if isinstance(error, InvalidInput) and error.problems:
            first = error.problems[0]
            more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
            self.tell(f"✗ {first.message}: {first.remedy}{more}", "bad")
        else:
            self.tell(f"✗ {error}", "bad")

    async def attempt(self, work: Awaitable[T]) -> T | None:
        """Await a backend call; None when it failed, and the person was told (a lost engine: by the frame)."""
        try:
            return await work
        except Unavailable as error:
            if self.bridge.is_up:
                self.tell_error(error)
        except DeployxError as error:
            self.tell_error(error)
        return None

    async def attempt_done(self, work: Awaitable[object]) -> bool:
        """As `attempt`, for calls that give nothing back: whether it was done."""

        async def done() -> bool:
            await work
            return True

        return await self.attempt(done()) is not None

    # keys

    def own_keys(self) -> tuple[Key, ...]:
        return PLACES.get(self.keys, ())

    def footer_keys(self) -> tuple[Key, ...]:
        """Keys that work at this moment, in the order of the footer."""
        keys = [key for key in (*self.own_keys(), *EVERYWHERE) if key.footer is not None and self.works(key)]
        return (*self._field_keys(), *sorted(keys, key=lambda key: key.footer or 0))

    def _field_keys(self) -> tuple[Key, ...]:
        """Those of the field that has the cursor."""
        if isinstance(self.focused, Choices):
            return CHOOSE
        return TOGGLE if isinstance(self.focused, AnyOf) else ()

    def works(self, key: Key) -> bool:
        """Whether its action can be done now, and its key reaches it."""
        typing = self.is_typing
        if key.typing_only and not typing:
            return False
        if typing and key not in while_typing((key,)):
            return False
        namespace, _, name = key.action.partition("(")[0].rpartition(".")
        target = self.app if namespace == "app" else self
        return bool(target.check_action(name, ()))

    @property
    def is_typing(self) -> bool:
        """Whether letters go into a field."""
        return self.focused is not None and self.focused.check_consume_key("x", "x")

    def out_word(self) -> str:
        """The way out, for the strip: key and word."""
        return "q back" if self.can_go_out() else "Q quit"

    def can_go_out(self) -> bool:
        return sum(isinstance(screen, Place) for screen in self.app.screen_stack) > 1

    def go_out(self) -> None:
        """Esc and q: close what is open, else leave the place."""
        if self.can_go_out():
            self.app.pop_screen()

    def filter_by(self, text: str) -> None:
        """`tasks /web` in the palette; places without a filter say so."""
        self.tell(f"this screen has no filter for {text}", "warn")

    def go_to(self, key: Hashable) -> None:
        """The cursor goes to that row when the rows are read again; places without such a row let it be."""

    def copy_text(self) -> str:
        """What `y` copies; "" when there is nothing."""
        return ""

    def refresh_frame(self) -> None:
        """Footer and strip say what is so now."""
        self.query_one(Footer).refresh()
        self.query_one(RunningStrip).refresh()

    # messages

    def on_mount(self) -> None:
        self._say_link()
        if self.bridge.is_up:
            self.reload()

    def on_screen_resume(self) -> None:
        self.query_one(Header).refresh()
        self.refresh_frame()
        self._say_link()
        if self.bridge.is_up:
            self.reload()

    def on_link_changed(self, message: LinkChanged) -> None:
        message.stop()
        self.query_one(Header).refresh()
        self.refresh_frame()
        was_up = self._seen_up
        self._say_link()
        if self.bridge.is_up and not was_up:
            self.reload()

    _seen_up = False

    def _say_link(self) -> None:
        self._seen_up = self.bridge.is_up
        self.set_class(self.bridge.standing.link is Link.LOST, "-stale")

    def on_descendant_focus(self) -> None:
        self.query_one(Footer).refresh()

    def on_changed(self, message: Changed) -> None:
        message.stop()
        if self.bridge.is_up:
            self.changed(message)

    def on_ticked(self, message: Ticked) -> None:
        message.stop()
        self.query_one(Header).refresh()
        self.tick()

    def on_strip_changed(self, message: StripChanged) -> None:
        message.stop()
        self.refresh_frame()

    def on_said(self, message: Said) -> None:
        message.stop()
        self.query_one(Notice).say(SafeText(message.text), message.style)
