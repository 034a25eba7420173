"""What a person writes to find something, and how text becomes words: for ``search``, and for the focus of a context.

words            runs of letters and digits without case and accents; inflections and typing mistakes
query_language   words, "phrases", prefix*, -not, file:, tool:, failed:
"""
