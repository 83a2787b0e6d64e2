"""The vault behind the door."""

from __future__ import annotations

from dataclasses import replace

from deployx_tui.errors import Conflict
from deployx_tui.model.secret import Secret, VaultStatus
from deployx_tui.model.user import Actor
from deployx_tui.service.backend.vault import VaultControl
from deployx_tui.service.local.door import Change, Door
from deployx_tui.service.local.guard import serves
from deployx_tui.vault.envelope import Damaged


@serves(VaultControl)
class LocalVault:
    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def actor(self) -> Actor:
        return self._door.actor

    async def status(self) -> VaultStatus:
        return await self._door.read(self._door.premises.vault.status)

    async def unlock(self, passphrase: Secret) -> VaultStatus:
        vault = self._door.premises.vault
        await self._door.run(lambda: vault.unlock(passphrase))

        def work(change: Change) -> VaultStatus:
            change.record("vault.unlock", None)
            change.tell("vault.changed")
            return vault.status(change.c)

        status = await self._door.write(work)
        self._door.premises.engine.wake()
        return status

    async def rotate_master(self, passphrase: Secret | None = None) -> VaultStatus:
        premises = self._door.premises
        new = await self._door.run(lambda: premises.vault.new_master(passphrase))

        def work(change: Change) -> None:
            before = premises.vault.status(change.c)
            count = new.reseal(change.c)
            change.record(
                "vault.rotate_master",
                None,
                before={"key_id": before.key_id},
                after={"key_id": new.key_id, "sealed": count},
            )
            change.tell("vault.changed")

        try:
            await self._door.write(work, durable=True)
        except Damaged:
            await self._door.run(new.discard)
            raise Conflict(
                "a secret does not open, so nothing was changed; deployx credential test names it, "
                "and deployx credential rotate puts it in again"
            ) from None
        except BaseException:
            await self._door.run(new.discard)
            raise
        await self._door.run(new.settle)
        await self._door.run(premises.database.forget_log)
        return replace(await self.status(), kept=await self._door.run(lambda: new.kept))
