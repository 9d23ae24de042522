"""The trading documents: what a shop needs of an ERP, with ERPNext's names."""

__version__ = "0.1.0"
