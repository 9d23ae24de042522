"""Locks between threads and processes of one machine."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path


class FileLocks:
    """Holds keys for this machine: a lock file for each, which a process that dies gives back by dying."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._held: set[str] = set()

    @contextmanager
    def __call__(self, key: str) -> Iterator[bool]:
        """Hold a key while the block lasts; give False where another process or thread has it."""
        with self._guard:
            is_ours = key not in self._held
            if is_ours:
                self._held.add(key)
        if not is_ours:
            yield False
            return
        try:
            yield from self._locked(key)
        finally:
            with self._guard:
                self._held.discard(key)

    def _locked(self, key: str) -> Iterator[bool]:
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f"{sha256(key.encode()).hexdigest()[:16]}.lock"
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True
