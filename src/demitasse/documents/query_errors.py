"""What can be wrong with a list query."""

from demitasse.kernel.errors import DemitasseError


class InvalidQuery(DemitasseError):
    """A part of a list query cannot be used; the message says which and what to write instead."""

    code = "invalid_query"


class UnknownField(InvalidQuery):
    """A name is no field that may be queried; ``data`` has ``field`` and ``doctype``."""

    code = "unknown_field"


class InvalidFilterValue(InvalidQuery):
    """A value does not fit the field that it is compared with; ``data`` has ``field`` and ``value``."""

    code = "invalid_filter_value"
