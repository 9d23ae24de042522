"""How those who queue jobs reach those who run them, in one process."""

from collections.abc import Callable


class Bell:
    """Rung after a job was queued; nobody hears it where no worker runs."""

    def __init__(self) -> None:
        self.listener: Callable[[], None] | None = None

    def ring(self) -> None:
        """Wake the worker, if there is one; from any thread."""
        if self.listener is not None:
            self.listener()
