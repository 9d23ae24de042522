"""What apps call on an Integration Request that they made with ``create_request_log``."""

from collections.abc import Mapping
from typing import Any

from demitasse.frappe.integrations.request_log import body_text
from demitasse.frappe.log_rows import INTEGRATION_REQUEST
from demitasse.frappe.model.document import Document, set_controller
from demitasse.incoming.redaction import redact
from demitasse.kernel import json
from demitasse.kernel.json import MalformedJson


class IntegrationRequest(Document):
    """The log of one exchange with another service."""

    inline_safe = True

    def update_status(self, params: Mapping[str, Any], status: str) -> None:
        """Add to the data, and set the status."""
        try:
            known = json.decode(self.data or "{}")
        except MalformedJson:
            known = {}
        data = {**(known if isinstance(known, dict) else {}), **redact(params)}
        self.db_set({"data": json.encode(data).decode(), "status": status})

    def handle_success(self, response: Any) -> None:
        """Note what the service answered to a request that went well."""
        self.db_set({"output": body_text(response), "status": "Completed"})

    def handle_failure(self, response: Any) -> None:
        """Note what the service answered to a request that failed."""
        self.db_set({"error": body_text(response), "status": "Failed"})


set_controller(INTEGRATION_REQUEST, IntegrationRequest)
