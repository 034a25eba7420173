"""The composition root: the parts of a service, made from the configuration, each part when it is first needed.

What is not needed is not made: a command that appends one event opens no snapshot, and nothing imports DuckDB until it leads.
Each module adds the parts of one floor, which may use those of the floors beneath it:

    leading      the leader and its duties
    sources      transcripts and the receiver of Claude Code's exporter
    reading      the warehouse, contexts, search, provenance, status
    recording    identity, queue, recorder
"""

from .leading import LeadingParts as Composition

__all__ = ["Composition"]
