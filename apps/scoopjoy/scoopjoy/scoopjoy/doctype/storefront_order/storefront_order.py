from frappe.model.document import Document


class StorefrontOrder(Document):
    """What an order of the storefront was answered with, so that the same order again gets the same answer."""

    inline_safe = True
