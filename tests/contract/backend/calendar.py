"""The calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.schedule import Cron, Once, Schedule
from tests.contract.backend.site import Site, add_device, add_task, daily, fields, run


class CalendarContract:
    async def test_a_month_is_whole_weeks_with_exact_counts_and_clock_changes(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        year = datetime.now(UTC).year + 1
        await add_task(backend, "at three", schedule=daily(3, "Europe/Berlin"))
        quarter = Schedule(recurrence=Cron("*/15 * * * *"), zone="Europe/Berlin")
        busy = await add_task(backend, "quarters", schedule=quarter)
        paused = await add_task(backend, "paused", schedule=quarter)
        await backend.tasks.pause(paused.id)
        month = await backend.calendar.month(year, 3, "Europe/Berlin")
        assert (month.year, month.month, month.zone) == (year, 3, "Europe/Berlin")
        assert month.days[0].day.weekday() == 0
        assert len(month.days) % 7 == 0
        days = {day.day: day for day in month.days}
        assert {date(year, 3, 1), date(year, 3, 31)} <= days.keys()
        assert days[date(year, 3, 10)].bins == (12, 13, 12, 12, 12, 12, 12, 12)
        (spring,) = [day for day in month.days if day.clock_change]
        assert (spring.clock_change, spring.day.weekday()) == ("clock +1h", 6)
        assert spring.total == 92 + 1
        await backend.tasks.delete(busy.id)
        assert (await backend.calendar.month(year, 3, "Europe/Berlin")).days[10].total == 1

    async def test_a_month_shows_what_ran(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        ended = await run(backend, await add_task(backend))
        today = ended.due_at.date()
        month = await backend.calendar.month(today.year, today.month, "UTC")
        (seen,) = [day for day in month.days if day.day == today]
        assert seen.done == ((ExecutionStatus.SUCCEEDED, 1),)
        assert seen.ran == tuple(int(number == ended.due_at.hour // 3) for number in range(8))

    @pytest.mark.parametrize("zone", ["America/Havana", "Asia/Kathmandu"])
    async def test_the_bins_of_each_day_add_up_to_what_was_and_what_is_to_come(self, site: Site, zone: str) -> None:
        """Runs that no schedule asked for are in them, and so is what is left of the day, and nothing else."""
        backend = await site.backend()
        await add_device(backend, "web01")
        # every ten minutes, and none of them while this test lasts
        first = (datetime.now(ZoneInfo(zone)).minute + 5) % 10
        often = Schedule(recurrence=Cron(f"{first}-59/10 * * * *"), zone=zone)
        task = await add_task(backend, "often", schedule=often)
        ended = [await run(backend, task) for _ in range(3)]
        day = ended[0].due_at.astimezone(ZoneInfo(zone)).date()
        days = (await backend.calendar.month(day.year, day.month, zone)).days
        assert sum(sum(each.ran) for each in days if each.day in (day, day + timedelta(days=1))) == 3
        for each in days:
            assert sum(each.ran) == sum(count for _, count in each.done)
            assert sum(each.bins) == each.total == sum(each.ran) + each.to_come

    async def test_a_month_counts_what_is_still_to_come_of_each_day(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        await add_task(backend, "often", schedule=Schedule(recurrence=Cron("*/5 * * * *"), zone="UTC"))
        begun = datetime.now(UTC)
        month = await backend.calendar.month(begun.year, begun.month, "UTC")
        seen = {day.day: day.to_come for day in month.days}

        def left(now: datetime) -> int:
            return 287 - (now.hour * 60 + now.minute) // 5

        # between two looks at the clock, of which one may be of the next day
        assert left(datetime.now(UTC)) <= seen[begun.date()] <= left(begun) or datetime.now(UTC).date() != begun.date()
        assert all(count == 0 for day, count in seen.items() if day < begun.date())
        later = await backend.calendar.month(begun.year + 1, 6, "UTC")
        assert {day.to_come for day in later.days} == {288}

    async def test_a_day_lists_what_was_and_what_comes_by_time(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        at = datetime(tomorrow.year, tomorrow.month, tomorrow.day, 23, 59, tzinfo=UTC)
        once = await add_task(backend, "once", schedule=Schedule(recurrence=Once(at), zone="UTC"))
        often = await add_task(backend, "often", schedule=Schedule(recurrence=Cron("*/10 * * * *"), zone="UTC"))
        await add_task(backend, "three", schedule=daily(3))
        ended = await run(backend, once)

        agenda = await backend.calendar.day(tomorrow, "UTC")
        assert [(entry.task_name, entry.at.hour, entry.count) for entry in agenda] == [
            ("often", 0, 144),
            ("three", 3, 1),
            ("once", 23, 1),
        ]
        assert {entry.target_count for entry in agenda} == {1}
        assert {entry.execution_id for entry in agenda} == {None}
        assert len(await backend.calendar.day(tomorrow, "UTC", limit=1)) == 1

        past = await backend.calendar.day(ended.due_at.date(), "UTC")
        assert (ended.id, ExecutionStatus.SUCCEEDED) in {(entry.execution_id, entry.status) for entry in past}
        await backend.tasks.pause(often.id)
        assert len(await backend.calendar.day(tomorrow, "UTC")) == 2

    async def test_what_is_no_month_zone_or_limit_is_refused(self, site: Site) -> None:
        backend = await site.backend()
        for year, month in ((2026, 13), (2026, 0), (1, 1), (9999, 12)):
            with pytest.raises(InvalidInput) as refused:
                await backend.calendar.month(year, month, "UTC")
            assert fields(refused) == ["month"]
        with pytest.raises(InvalidInput) as refused:
            await backend.calendar.day(date.max, "UTC")
        assert fields(refused) == ["day"]
        with pytest.raises(InvalidInput) as refused:
            await backend.calendar.month(2026, 12, "Mars/Base")
        assert fields(refused) == ["zone"]
        with pytest.raises(InvalidInput) as refused:
            await backend.calendar.day(date(2026, 12, 1), "UTC", 0)
        assert fields(refused) == ["limit"]
