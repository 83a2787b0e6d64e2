"""What the demo's tasks put on its hosts: two files, and a package of its own that needs nothing from any network.

Everything lies below the hosts' own homes. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time

from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.model.ids import ArtifactId, PackageId
from deployx_tui.model.package import Detection, DetectionKind, InstallerKind, Package, Variant
from deployx_tui.model.schedule import Daily, Schedule, Weekly
from deployx_tui.model.software import PackageChoice, SoftwarePayload
from deployx_tui.model.task import TaskDraft

#: by name; `${...}` is filled in for each host
FILES = {
    "site.conf": b"# of ${device}, on ${os_id} ${arch}\nlisten 8080\nworkers 4\n",
    "robots.txt": b"User-agent: *\nDisallow: /private/\n",
}

_AGENT = """mkdir -p "$HOME/web-agent"
printf '%s\\n' 2.4.1 >"$HOME/web-agent/version"
echo "web-agent 2.4.1 is in $HOME/web-agent"
"""

#: what the weekly task installs
AGENT = Package(
    name="web-agent",
    version="2.4.1",
    description="a demo: one file below the home",
    category="monitoring",
    variants=(
        Variant(
            installer=InstallerKind.SCRIPT,
            script=_AGENT,
            uninstall='rm -rf "$HOME/web-agent"\n',
            detection=Detection(kind=DetectionKind.COMMAND, command='cat "$HOME/web-agent/version" 2>/dev/null'),
        ),
    ),
)


def task_drafts(zone: str, files: Mapping[str, ArtifactId], agent: PackageId) -> tuple[TaskDraft, TaskDraft]:
    """A daily file task and a weekly software task; `zone` the viewer's."""
    items = tuple(FileItem(artifact=files[name], substitute=name == "site.conf") for name in FILES)
    return (
        TaskDraft(
            name="web-config-sync",
            schedule=Schedule(recurrence=Daily((time(1),)), zone=zone),
            payload=FilePayload(items=items, target_path="~/site/"),
            selector="@web&!web19",
            tags=frozenset({"config"}),
            description="run it twice: the second time nothing is changed; B in its run takes it back",
        ),
        TaskDraft(
            name="web-agent-weekly",
            schedule=Schedule(recurrence=Weekly((0,), (time(2),)), zone=zone),
            payload=SoftwarePayload(packages=(PackageChoice(package=agent),), deployment_name="Weekly Updates"),
            selector="@web&tag:staging",
            description="installs a package of the catalogue",
        ),
    )
