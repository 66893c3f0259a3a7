"""A disk as a test wants it: commits take time, a crash keeps all or nothing of one, space runs out, bits rot."""

import asyncio
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefgen.llm.journal import is_sound
from prefgen.llm.store import ATTEMPT, BATCH, FAILURE, REPLY, Cost, Insert

FULL = "database or disk is full"


@dataclass
class Disk:
    """What is on stable storage; it outlives the processes that write to it."""

    chance: random.Random
    replies: dict[bytes, tuple[Any, ...]] = field(default_factory=dict)
    attempts: list[tuple[Any, ...]] = field(default_factory=list)
    failures: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    batches: list[tuple[Any, ...]] = field(default_factory=list)
    full: bool = False
    low: bool = False
    rotten: set[bytes] = field(default_factory=set)

    def keep(self, inserts: Sequence[Insert]) -> None:
        for insert in inserts:
            for row in insert.rows:
                if insert.statement == REPLY:
                    self.replies.setdefault(row[0], row)
                elif insert.statement == ATTEMPT:
                    self.attempts.append(row)
                elif insert.statement == FAILURE:
                    self.failures[row[0]] = (row[1], row[2])
                elif insert.statement == BATCH:
                    self.batches.append(row)

    def rot(self) -> None:
        """Turns one bit of one reply."""
        if self.replies:
            key = self.chance.choice(sorted(self.replies))
            row = self.replies[key]
            body = bytearray(row[1])
            body[self.chance.randrange(len(body))] ^= 1 << self.chance.randrange(8)
            self.replies[key] = (key, bytes(body), *row[2:])

    def mend(self) -> None:
        """What ``prefgen verify --mend`` does: lets go of replies that are not sound."""
        bad = {key for key, row in self.replies.items() if not is_sound(*row[:3])}
        self.rotten |= bad
        for key in bad:
            del self.replies[key]


class SimStore:
    """One process's way to the disk (``prefgen.llm.store.Store``). After ``die`` nothing reaches it."""

    def __init__(self, disk: Disk, path: Path) -> None:
        self.disk, self.path = disk, path
        self.dead = False
        self.under_way: list[Sequence[Insert]] = []

    async def commit(self, inserts: Sequence[Insert]) -> None:
        self.under_way.append(inserts)
        await asyncio.sleep(self.disk.chance.uniform(0.001, 0.05))
        self.under_way.remove(inserts)
        self.write(inserts)

    def write(self, inserts: Sequence[Insert]) -> None:
        if self.dead:
            return
        if self.disk.full:
            raise sqlite3.OperationalError(FULL)
        self.disk.keep(inserts)

    def die(self) -> None:
        """The process ends here. A commit under way is there afterwards, or it is not: never a part of it."""
        self.dead = True
        for inserts in self.under_way:
            if self.disk.chance.random() < 0.5 and not self.disk.full:
                self.disk.keep(inserts)

    def find(self, key: bytes) -> tuple[bytes, int] | None:
        row = self.disk.replies.get(key)
        return row and (row[1], row[2])

    def find_all(self, keys: Sequence[bytes]) -> dict[bytes, tuple[bytes, int]]:
        return {key: found for key in keys if (found := self.find(key))}

    def has(self, key: bytes) -> bool:
        return key in self.disk.replies

    def cost(self, key: bytes) -> Cost | None:
        row = self.disk.replies.get(key)
        return row and (row[3], row[4], row[5])

    def failures(self) -> dict[bytes, tuple[str, str]]:
        return self.disk.failures

    def batches(self) -> list[tuple[str, str, bytes]]:
        return [(row[0], row[1], row[2]) for row in self.disk.batches]

    def count(self) -> int:
        return len(self.disk.replies)

    def spent(self) -> float:
        return sum(row[5] or 0.0 for row in self.disk.replies.values()) + sum(
            row[5] or 0.0 for row in self.disk.attempts
        )

    def room(self) -> int:
        return 0 if self.disk.low else 2**40

    def close(self) -> None:
        pass
