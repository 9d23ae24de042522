"""ScoopJoy: an ice-cream franchise with outlets, a storefront and a mobile app."""

__version__ = "0.1.0"
