"""A hook process: one payload on stdin, one event in the queue, exit 0. Nothing is imported here: every import is felt."""
