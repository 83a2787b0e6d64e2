"""One artifact, whole: its versions; of the chosen one its hash, where it came from, what it holds, who needs it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from deployx_tui.errors import DeployxError, NotFound
from deployx_tui.model.artifact import Artifact, TreeEntry
from deployx_tui.service.backend.artifacts import ArtifactUse
from deployx_tui.tui.bridge import Changed
from deployx_tui.tui.keymap import ARTIFACT_PAGE, bindings
from deployx_tui.tui.render import artifacts as draw
from deployx_tui.tui.render.line import line, span
from deployx_tui.tui.render.words import folded_values
from deployx_tui.tui.screens import artifact_acts
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.widgets.base import Lines, Pane

#: rows of the versions before they scroll
_MOST_ROWS = 8


class ArtifactPage(Place):
    tab = "artifacts"
    keys = "artifact_page"
    has_table = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(ARTIFACT_PAGE)]
    DEFAULT_CSS = """
    ArtifactPage #versions { height: auto; margin-bottom: 1; }
    ArtifactPage Pane { height: 1fr; }
    """

    def __init__(self, artifact: Artifact) -> None:
        super().__init__()
        self._chosen = artifact
        self._versions: tuple[Artifact, ...] = (artifact,)
        #: of the chosen one; None: not read yet
        self._used: ArtifactUse | None = None
        self._tree: tuple[TreeEntry, ...] | None = None
        self._is_gone = False

    def body(self) -> Iterable[Widget]:
        with Vertical(id="body"):
            yield Lines(id="versions")
            yield Pane(id="page")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Pane).focus()
        self._draw()

    def reload(self) -> None:
        self._read()

    def changed(self, change: Changed) -> None:
        if change.touches("artifact.", "task.", "execution."):
            self._read()

    def tick(self) -> None:
        self._draw()

    @work(exclusive=True, group="page")
    async def _read(self) -> None:
        artifacts, chosen = self.bridge.backend.artifacts, self._chosen
        try:
            versions = await artifacts.versions(chosen.name)
            self._versions, self._is_gone = versions, not versions
            if versions and chosen.id not in {each.id for each in versions}:
                chosen = self._chosen = versions[0]
                self._tree = None
            if versions:
                self._used = await artifacts.uses(chosen.id)
                if self._tree is None:
                    self._tree = await artifacts.tree(chosen.id)
        except NotFound:
            self._is_gone = True
        except DeployxError as error:
            if self.bridge.is_up:
                self.tell_error(error)
            return
        self._draw()
        self.refresh_frame()

    def _draw(self) -> None:
        pane, above, one = self.query_one(Pane), self.query_one("#versions", Lines), self._chosen
        if self._is_gone:
            self.say_title((f"Artifacts ▸ {one.name}",), ("deleted",), "bad")
            above.set_lines(())
            pane.set_lines((line(span("  It was deleted.", "dim")),))
            return
        width = self.size.width
        self.say_title(
            (f"Artifacts ▸ {one.name}", f"v{one.version}"),
            tuple(filter(None, (draw.says_words(one), draw.kind_word(one)))),
        )
        rows = draw.version_lines(self._versions, one, self.bridge.now(), width)
        at = next((index for index, each in enumerate(self._versions) if each.id == one.id), 0)
        first = min(max(0, at - _MOST_ROWS // 2), max(0, len(rows) - _MOST_ROWS))
        above.set_lines(rows[first : first + _MOST_ROWS])
        lines = draw.page_lines(self._versions, one, self._used, self._tree, self.bridge.now(), self.bridge.zone)
        pane.set_lines(folded_values(lines, max(40, width - 1)))

    def on_resize(self) -> None:
        self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "turn":
                return len(self._versions) > 1
            case "push" | "delete":
                return self.bridge.is_up and not self._is_gone
            case _:
                return super().check_action(action, parameters)

    def action_turn(self, by: int) -> None:
        ids = [each.id for each in self._versions]
        at = ids.index(self._chosen.id) + by
        if 0 <= at < len(ids):
            self._chosen, self._used, self._tree = self._versions[at], None, None
            self.query_one(Pane).top = 0
            self._draw()
            self._read()

    def action_push(self) -> None:
        artifact_acts.push(self, self._chosen)

    @work(group="act", exclusive=True)
    async def action_delete(self) -> None:
        if await artifact_acts.delete(self, self._chosen):
            self._read()

    def copy_text(self) -> str:
        return self._chosen.sha256
