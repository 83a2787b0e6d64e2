"""Idle connections: who gets one, and who is closed."""

from __future__ import annotations

from threading import Event

from deployx_tui.transports.pool import Pool


class Held:
    def __init__(self) -> None:
        self.is_usable = True
        self.closed = Event()

    def close(self) -> None:
        self.closed.set()


def test_the_last_used_one_is_taken_first_and_only_once() -> None:
    pool: Pool[str, Held] = Pool()
    first, second = Held(), Held()
    pool.give("a", first)
    pool.give("a", second)
    assert pool.take("b") is None
    assert pool.take("a") is second
    assert pool.take("a") is first
    assert pool.take("a") is None


def test_one_that_died_meanwhile_is_closed_and_not_taken() -> None:
    pool: Pool[str, Held] = Pool()
    dead, good = Held(), Held()
    pool.give("a", good)
    pool.give("a", dead)
    dead.is_usable = False
    assert pool.take("a") is good
    assert dead.closed.is_set()


def test_one_that_comes_back_dead_is_closed() -> None:
    pool: Pool[str, Held] = Pool()
    dead = Held()
    dead.is_usable = False
    pool.give("a", dead)
    assert dead.closed.is_set()
    assert len(pool) == 0


def test_above_the_cap_the_longest_unused_one_is_closed() -> None:
    pool: Pool[str, Held] = Pool(cap=2)
    held = [Held() for _ in range(3)]
    for number, one in enumerate(held):
        pool.give(str(number), one)
    assert [one.closed.is_set() for one in held] == [True, False, False]
    assert pool.take("0") is None


def test_one_that_nobody_uses_is_closed_after_its_time() -> None:
    pool: Pool[str, Held] = Pool(idle=0.05)
    held = Held()
    pool.give("a", held)
    assert held.closed.wait(30)
    assert pool.take("a") is None


def test_a_shut_pool_closes_what_it_has_and_what_comes_back() -> None:
    pool: Pool[str, Held] = Pool()
    idle, used = Held(), Held()
    pool.give("a", used)
    pool.take("a")
    pool.give("a", idle)
    pool.shutdown()
    pool.give("a", used)
    assert idle.closed.is_set()
    assert used.closed.is_set()
