"""``frappe.utils.data``: the same names as ``frappe.utils``."""

from demitasse.frappe.utils import *  # noqa: F403 - Frappe offers the same names in both places
