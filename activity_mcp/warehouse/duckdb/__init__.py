"""The embedded warehouse: one DuckDB file, opened for each flush; ``query`` runs in a read-only child process."""
