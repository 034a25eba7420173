"""Registers the server and the hooks in Claude Code's own files, surveys what is registered, and takes it back."""
