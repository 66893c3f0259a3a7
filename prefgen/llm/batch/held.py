"""Batches that an earlier run left under way: what is in them is waited for, or not asked at all; never paid again."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from prefgen.errors import PrefgenError, RunError
from prefgen.llm.batch import ledger
from prefgen.llm.batch.carry import Carrier, Under
from prefgen.llm.batch.ledger import OVER, Record
from prefgen.llm.batch.protocol import Endpoint, Settings
from prefgen.llm.client import Client, Shut
from prefgen.llm.journal import Journal
from prefgen.llm.request import Model


class Held:
    """The keys of such batches, and what becomes of them."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self.client, self.settings = client, settings
        self.records: dict[str, Record] = {}
        self._by_key: dict[bytes, str] = {}
        self._wrong: dict[str, PrefgenError] = {}
        self._before: dict[str, float] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stir = asyncio.Event()

    def hold(self, record: Record, endpoint: Endpoint | PrefgenError, *, counted: bool = False) -> None:
        """From now on nobody asks for what is in it; its money is set aside, where it is not ``counted`` already."""
        self.records[record.tag] = record
        self._by_key |= {key: record.tag for line in record.lines for key in line.keys}
        if not counted:
            self._before[record.tag] = self._cost(record)
            self.client.budget.hold(record.worst)
        if isinstance(endpoint, PrefgenError):
            self._lost(record, endpoint)
        else:
            self._endpoints[record.tag] = endpoint

    def _lost(self, record: Record, why: PrefgenError) -> None:
        """Nobody will learn what becomes of it, and it may go on: it counts as spent, for who waits for what it leaves
        would wait for good.
        """
        self._wrong[record.tag] = why
        self._spent(record)

    def _spent(self, record: Record) -> None:
        if self._before.pop(record.tag, None) is not None:
            self.client.budget.settle(record.worst, record.worst)

    async def look(self, *, waits: bool) -> None:
        """Begins to follow all, and reads what is saved; those who do not wait have all that has ended when this is
        over, and count the rest as spent.
        """
        saved = [tag for tag, record in self.records.items() if record.state == "saved"]
        tasks = {tag: self._followed(tag, waits=waits) for tag in list(self._endpoints)}
        await asyncio.gather(*(task for tag, task in tasks.items() if tag in saved or not waits))
        if not waits:
            for tag in list(self._before):
                self._spent(self.records[tag])

    def _followed(self, tag: str, *, waits: bool = True) -> "asyncio.Task[None]":
        if tag not in self._tasks or self._tasks[tag].done():
            self._tasks[tag] = asyncio.create_task(self._follow(self.records[tag], waits=waits))
        return self._tasks[tag]

    def has(self, keys: Iterable[bytes]) -> bool:
        """Whether one of these is in such a batch."""
        return bool(self._by_key) and any(key in self._by_key for key in keys)

    async def wait(self, keys: Iterable[bytes]) -> None:
        """Returns when none of these is in such a batch any more. Raises what went wrong with one."""
        while tags := {self._by_key[key] for key in keys if key in self._by_key}:
            self.client.go_on()
            for tag in tags & self._wrong.keys():
                raise self._wrong[tag]
            for tag in tags:
                self._followed(tag)  # it may have been left when the client was shut, and opened again
            await self._stir.wait()
        self.client.go_on()

    def refusal(self, keys: Iterable[bytes]) -> PrefgenError:
        """Why these are not asked online."""
        tag = next(self._by_key[key] for key in keys if key in self._by_key)
        if tag in self._wrong:
            return self._wrong[tag]
        cure = f"wait for it with --batch, or end it with `prefgen batches {self.client.journal.path.parent} --cancel`"
        return RunError(f"what is to be asked is in {words(self.records[tag])}, and would be paid twice; {cure}")

    async def _follow(self, record: Record, *, waits: bool) -> None:
        """Sees one to its end, or, without waiting, as far as it has come."""
        try:
            await Carrier(self.client, record, self._endpoints[record.tag], self.settings, waits).follow()
        except (Under, Shut):
            pass
        except RunError as error:
            self.client.shut(error)
        except PrefgenError as error:  # told to those who want what is in it, and to nobody else
            self._lost(record, error)
        except Exception as error:  # noqa: BLE001  # whatever it is, the run cannot go on
            self.client.shut(error)
        finally:
            if record.state in OVER:
                self._release(record)
            self.stir()

    def _release(self, record: Record) -> None:
        self.records.pop(record.tag)
        self._wrong.pop(record.tag, None)
        self._by_key = {key: tag for key, tag in self._by_key.items() if tag != record.tag}
        if (before := self._before.pop(record.tag, None)) is not None:
            self.client.budget.settle(record.worst, self._cost(record) - before)

    def stir(self) -> None:
        """Lets all who wait look again."""
        stir, self._stir = self._stir, asyncio.Event()
        stir.set()

    async def close(self) -> None:
        """Goes away from all."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _cost(self, record: Record) -> float:
        costs = (self.client.journal.cost(key) for line in record.lines for key in line.keys)
        return sum(cost[2] or 0.0 for cost in costs if cost)


def words(record: Record) -> str:
    """A batch, as people are told of it."""
    return f"a batch of {ledger.some(len(record.lines))} at {record.model.use}: {record.looked:,} done"


def under_way(journal: Journal) -> list[str]:
    """The batches that earlier runs left, in words."""
    return [words(record) for record in ledger.unfinished(journal)]


def trusting(model: Model, models: Iterable[Model]) -> Model:
    """A model of an earlier run, with the hosts to which this run's user lets the same model's key go."""
    same = [one for one in models if (one.use, one.base_url, one.api_key_env) == _place(model)]
    return replace(model, trusted=frozenset().union(*(one.trusted for one in same)))


def _place(model: Model) -> tuple[str, str | None, str | None]:
    return model.use, model.base_url, model.api_key_env
