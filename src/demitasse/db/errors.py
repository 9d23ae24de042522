"""What a database can answer instead of rows; driver errors stop here."""

from demitasse.kernel.errors import DemitasseError


class DatabaseError(DemitasseError):
    """The database refused a statement."""

    code = "database_error"


class UniqueViolation(DatabaseError):
    """A row with the same key is there already; ``data`` has ``table`` and ``columns``."""

    code = "unique_violation"


class QueryInterrupted(DatabaseError):
    """A read took longer than the event loop can spare; run it again on a reader thread."""

    code = "query_interrupted"


class QueryTooSlow(DatabaseError):
    """A read took longer than any may; ``data`` has ``limit_s``."""

    code = "query_too_slow"


class DatabaseBusy(DatabaseError):
    """The turn to write did not come in time; nothing was written, so trying again is safe."""

    code = "database_busy"


class StorageFull(DatabaseError):
    """The disk is full; nothing was written."""

    code = "storage_full"


class ReadOnlyTransaction(DatabaseError):
    """A read-only call (a GET) tried to write."""

    code = "read_only_transaction"
