"""The one error of the translator."""

from __future__ import annotations


class Untranslatable(Exception):
    """The SQL uses something the translator has not been told about. The message says what, and where if known."""
