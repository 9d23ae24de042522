"""What can be wrong with a condition, a template or a body of a webhook."""

from demitasse.kernel.errors import DemitasseError


class ContentError(DemitasseError):
    """What a webhook is to send, or when, cannot be worked out; the kinds below say why."""

    code = "webhook_content"


class ConditionError(ContentError):
    """A condition cannot be compiled or evaluated; ``data`` has ``condition``."""

    code = "webhook_condition"


class TemplateError(ContentError):
    """A template cannot be compiled or rendered; ``data`` has ``line`` (from 1), ``None`` where no line is to blame."""

    code = "webhook_template"


class UnknownField(ContentError, AttributeError):
    """A document has no such field; ``data`` has ``doctype`` and ``field``."""

    code = "unknown_field"


class BudgetExceeded(ContentError):
    """An expression or a template does more work, or makes more text, than it may."""

    code = "budget_exceeded"


class NotAllowed(ContentError):
    """An expression or a template asks for something that it may not use."""

    code = "not_allowed"


class UnwritableValue(ContentError):
    """A value has no JSON form."""

    code = "unwritable_value"


class BodyTooLarge(ContentError):
    """A rendered body is larger than the limit; ``data`` has ``size`` and ``limit`` in bytes."""

    code = "body_too_large"
