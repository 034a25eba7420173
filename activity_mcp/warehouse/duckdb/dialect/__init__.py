"""Snowflake's dialect on the embedded engine: of ``sql/`` when it is built, and of a question when it is asked.

    rules      the tables: which nodes are kept, which are rewritten; anything else raises ``Untranslatable``
    questions  what a question may say beyond that
    rewrites   what one node becomes
    datatypes  what one data type, path or date format becomes

It never guesses: a node, a function, a property or a statement that it does not know is an error. sqlglot reads the text;
its own translation is not used where the engines read a construct differently (of 42,000 cells it had 39 % wrong).
"""

from __future__ import annotations
