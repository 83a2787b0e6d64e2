"""A private root with real dpkg and apt, and a repository that the test builds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.transport.site import Site
from tests.integration.test_local_transport import here
from tests.support import private_root
from tests.support.private_root import Deb, PrivateRoot, build_repository
from tests.support.require import require

#: what the repository has
DEBS = (
    Deb(name="dxa", version="1.0-1"),
    Deb(name="dxa", version="2.0-1"),
    Deb(name="dxb", version="1.0", control={"Depends": "dxa (>= 2.0)"}),
    Deb(name="dxrival", version="1.0", control={"Conflicts": "dxa"}),
    Deb(name="dxunmet", version="1.0", control={"Depends": "dx-nobody-has-this"}),
    Deb(name="dxbroken", version="1.0", control={"Depends": "dxa"}, scripts={"postinst": "echo it breaks\nexit 3\n"}),
    Deb(name="dxquiet", version="1.0", scripts={"postinst": 'read answer || answer=nobody; echo "said: $answer"\n'}),
    Deb(
        name="dxasks",
        version="1.0",
        # a terminal of its own, on which somebody would have to answer
        scripts={"postinst": "sleep 300 | script -qec 'printf \"continue? \"; read answer </dev/tty' /dev/null\n"},
    ),
    Deb(name="dxhangs", version="1.0", scripts={"postinst": "sleep 300\n"}),
    Deb(name="dxloud", version="1.0", scripts={"postinst": "yes 'a line of noise' | head -c 3000000\n"}),
    Deb(
        name="dxconf",
        version="1.0",
        files={"etc/dxconf": "one\n", "DEBIAN/conffiles": "/etc/dxconf\n"},
    ),
    Deb(
        name="dxconf",
        version="2.0",
        files={"etc/dxconf": "two\n", "DEBIAN/conffiles": "/etc/dxconf\n"},
    ),
    Deb(name="dxneeds", version="1.0", control={"Depends": "dxkeep"}),
    Deb(name="dxkeep", version="1.0"),
    Deb(name="dxreboots", version="1.0", scripts={"postinst": "touch /var/run/reboot-required\n"}),
    Deb(name="dxother", version="1.0", arch="arm64"),
)


@pytest.fixture(scope="session")
def whole_root() -> Iterator[PrivateRoot]:
    reason = private_root.why_not()
    require(not reason, reason)
    with tempfile.TemporaryDirectory(prefix="dx-debs-") as built:
        repository = build_repository(DEBS, Path(built))
    with PrivateRoot(Path(tempfile.mkdtemp(prefix="dx-root-"))) as root:
        for name, content in repository.items():
            root.write(f"/srv/repo/{name}", content)
        root.do(
            "rm -f /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*_* /var/run/reboot-required\n"
            "echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list\n"
            # of this machine's own packages dpkg knows nothing in there: it reads the lists of none of their files
            "rm -rf /var/lib/dpkg/info/* /var/lib/dpkg/triggers/* /var/lib/dpkg/updates/*\n"
            ": >/var/lib/dpkg/status\n: >/var/lib/dpkg/diversions\n"
            "apt-get -q update"
        )
        yield root


@pytest.fixture
def root(whole_root: PrivateRoot) -> Iterator[PrivateRoot]:
    """Without anything of an earlier test."""
    yield whole_root
    whole_root.do(
        "dpkg --purge --force-all $(dpkg-query -W -f '${Package}\\n' 'dx*' 2>/dev/null) >/dev/null 2>&1\n"
        "rm -rf /var/run/reboot-required /opt/dx* /etc/dxconf*",
        ok=False,
    )


@pytest.fixture
def site(root: PrivateRoot, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("PATH", str(root.shells), prepend=":")
    return here()
