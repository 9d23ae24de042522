from frappe.model.document import Document


class Lead(Document):
    inline_safe = True
    lead_name: str | None

    def before_validate(self):
        if not self.lead_name:
            self.lead_name = self._name_of_person() or self.company_name
        self.title = self.company_name or self.lead_name

    def _name_of_person(self):
        names = (self.first_name, self.middle_name, self.last_name)
        return " ".join(name.strip() for name in names if name and name.strip())
