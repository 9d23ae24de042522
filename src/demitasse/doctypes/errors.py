"""What can be wrong with a DocType or with a value for one of its fields."""

from demitasse.kernel.errors import DemitasseError


class UnknownDocType(DemitasseError):
    """No DocType has this name; ``data`` has ``doctype``."""

    code = "unknown_doctype"


class InvalidDocType(DemitasseError):
    """A DocType definition cannot be used; the message says which part and why."""

    code = "invalid_doctype"


class InvalidValue(DemitasseError):
    """A value does not fit its field type; ``data`` has ``value``."""

    code = "invalid_value"
