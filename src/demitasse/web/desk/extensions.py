"""The pages that join the Desk, in the order of the sidebar."""

from demitasse.web.desk.deliveries.extension import EXTENSION as DELIVERIES
from demitasse.web.desk.port import Extension

EXTENSIONS: tuple[Extension, ...] = (DELIVERIES,)
