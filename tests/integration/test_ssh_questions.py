"""Keyboard-interactive logins: what a server asks goes to a person who is there, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import paramiko
import pytest

from deployx_tui.model.device import HostKeyPolicy, TestStepName, TransportKind
from deployx_tui.model.execution import Cause
from deployx_tui.model.ids import CredentialId, DeviceId
from deployx_tui.model.question import MOST_PROMPTS, Prompt, ServerQuestion, Unanswered
from deployx_tui.model.secret import CredentialKind, Secret
from deployx_tui.transports.base import Connection, Endpoint, Login, Unreached
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.support.asking_server import AskingServer, asking_server

CONNECT = timedelta(seconds=20)
CODE = [("Verification code: ", False)]


class Person:
    """Gives what was prepared, in order, and remembers what was asked."""

    def __init__(self, *answers: Sequence[str] | Unanswered, is_there: bool = True) -> None:
        self._answers = list(answers)
        self.is_there = is_there
        self.asked: list[ServerQuestion] = []

    def ask(self, question: ServerQuestion, cancel: Event) -> tuple[Secret, ...] | Unanswered:
        self.asked.append(question)
        answer = self._answers.pop(0)
        return answer if isinstance(answer, Unanswered) else tuple(Secret.of(each) for each in answer)


@pytest.fixture
def server() -> Iterator[AskingServer]:
    with asking_server() as server:
        yield server


@pytest.fixture
def transport(server: AskingServer, tmp_path: Path) -> Iterator[SshTransport]:
    known = tmp_path / "known_hosts_beside"
    known.write_text(server.known_host + "\n")
    made = SshTransport(SshSettings(known_hosts=tmp_path / "known_hosts", known_hosts_beside=(known,)))
    yield made
    made.shutdown()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    paramiko.ECDSAKey.generate().write_private_key_file(str(path))
    path.chmod(0o600)
    return path


def endpoint(server: AskingServer, person: Person | None, key_file: Path, login: Login | None = None) -> Endpoint:
    return Endpoint(
        device_id=DeviceId(1),
        name="web01",
        address="127.0.0.1",
        port=server.port,
        user="deploy",
        transport=TransportKind.SSH,
        key_file=str(key_file),
        host_key_policy=HostKeyPolicy.STRICT,
        login=login,
        asker=person,
    )


def refused(found: Connection | Unreached, *words: str) -> None:
    assert isinstance(found, Unreached)
    assert found.cause is Cause.AUTH
    for word in words:
        assert word in f"{found.message} / {found.remedy}", found


@pytest.mark.parametrize("wants_key", [False, True], ids=["alone", "after a key"])
def test_a_code_lets_the_account_in(
    transport: SshTransport, server: AskingServer, key_file: Path, wants_key: bool
) -> None:
    server.wants_key, server.title, server.instructions = wants_key, "Two factors", "look at your phone"
    person = Person(["123456"])
    found = transport.connect(endpoint(server, person, key_file), CONNECT, Event())
    assert not isinstance(found, Unreached), found
    transport.release(found)
    assert person.asked == [
        ServerQuestion(
            device="web01", host="web01", user="deploy", title="Two factors", instructions="look at your phone",
            prompts=(Prompt("Verification code: ", False),),
        )
    ]  # fmt: skip
    assert server.told == [["123456"]]
    # over the kept connection nobody is asked again
    again = transport.connect(endpoint(server, person, key_file), CONNECT, Event())
    assert again is found


def test_several_prompts_and_rounds_and_one_that_asks_nothing(
    transport: SshTransport, server: AskingServer, key_file: Path
) -> None:
    server.rounds = [[("User: ", True), ("Password: ", False)], CODE, []]
    server.right = ("ops", "hunter2", "1")
    person = Person(["ops", "hunter2"], ["1"])
    assert not isinstance(transport.connect(endpoint(server, person, key_file), CONNECT, Event()), Unreached)
    assert [question.prompts for question in person.asked] == [
        (Prompt("User: ", True), Prompt("Password: ", False)),
        (Prompt("Verification code: ", False),),
    ]


def test_a_wrong_code_is_told_apart_and_asked_for_again(
    transport: SshTransport, server: AskingServer, key_file: Path
) -> None:
    person = Person(["000000"], ["123456"])
    assert not isinstance(transport.connect(endpoint(server, person, key_file), CONNECT, Event()), Unreached)
    assert [question.again for question in person.asked] == [False, True]
    person = Person(["1"], ["2"], ["3"])
    other = endpoint(server, person, key_file, None)
    transport.shutdown()
    found = transport.connect(other, CONNECT, Event())
    refused(found, "what was answered was refused 3 times", "try again with another code")
    assert "000000" not in repr(found)


@pytest.mark.parametrize("person", [None, Person(is_there=False)], ids=["unattended", "gone"])
def test_without_a_person_the_refusal_names_the_remedy_and_nothing_is_asked(
    transport: SshTransport, server: AskingServer, key_file: Path, person: Person | None
) -> None:
    for server.wants_key in (False, True):
        found = transport.connect(endpoint(server, person, key_file), CONNECT, Event())
        refused(found, "one-time code", "nobody is there", "deployx run", "without a question")
    assert server.told == []


@pytest.mark.parametrize(
    ("why", "words"),
    [
        (Unanswered.DECLINED, "declined"),
        (Unanswered.TIMED_OUT, "in time"),
        (Unanswered.NOBODY, "nobody is there"),
    ],
)
def test_a_question_without_an_answer_says_why(
    transport: SshTransport, server: AskingServer, key_file: Path, why: Unanswered, words: str
) -> None:
    refused(transport.connect(endpoint(server, Person(why), key_file), CONNECT, Event()), words)


def test_a_cancel_ends_a_login_that_waits_for_a_person(
    transport: SshTransport, server: AskingServer, key_file: Path
) -> None:
    cancel, is_asked = Event(), Event()

    class Slow(Person):
        def ask(self, question: ServerQuestion, cancel: Event) -> tuple[Secret, ...] | Unanswered:
            is_asked.set()
            assert cancel.wait(60)
            return Unanswered.CANCELLED

    found: list[Connection | Unreached] = []
    thread = Thread(target=lambda: found.append(transport.connect(endpoint(server, Slow(), key_file), CONNECT, cancel)))
    thread.start()
    assert is_asked.wait(60)
    cancel.set()
    thread.join(60)
    assert isinstance(found[0], Unreached)
    assert "cancelled" in found[0].message


def test_a_connection_test_asks_too(transport: SshTransport, server: AskingServer, key_file: Path) -> None:
    steps = list(transport.test(endpoint(server, Person(["123456"]), key_file), CONNECT))
    login = next(step for step in steps if step.name is TestStepName.AUTHENTICATE)
    assert login.ok, login
    assert "answers" in login.message


def test_a_server_that_asks_too_much_is_left(transport: SshTransport, server: AskingServer, key_file: Path) -> None:
    server.rounds = [[(f"{number}? ", True) for number in range(MOST_PROMPTS + 1)]]
    person = Person()
    found = transport.connect(endpoint(server, person, key_file), CONNECT, Event())
    assert isinstance(found, Unreached)
    assert person.asked == []
    server.rounds = [CODE] * 40
    person = Person(*[["1"]] * 40)
    refused(transport.connect(endpoint(server, person, key_file), CONNECT, Event()), "more than 20 times")


def test_the_password_of_a_credential_answers_and_the_person_does_the_rest(
    transport: SshTransport, server: AskingServer, key_file: Path
) -> None:
    server.rounds, server.right = [[("Password: ", False)], CODE], ("hunter2", "123456")
    login = Login(
        credential_id=CredentialId(7), secret_version=1, name="web-login", kind=CredentialKind.PASSWORD, user="deploy",
        secret=Secret.of("hunter2"),
    )  # fmt: skip
    person = Person(["000000"], ["123456"])
    found = transport.connect(endpoint(server, person, key_file, login), CONNECT, Event())
    assert not isinstance(found, Unreached), found
    assert [question.prompts[0].text for question in person.asked] == ["Verification code: "] * 2
    assert server.told == [["hunter2", "000000"], ["hunter2", "123456"]]
