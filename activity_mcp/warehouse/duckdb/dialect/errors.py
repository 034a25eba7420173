"""The one error of the translator."""

from __future__ import annotations


class Untranslatable(Exception):
    """The SQL uses something unknown to the translator. The message names it, and its place if known."""
