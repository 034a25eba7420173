"""Sessions as stories: what was asked, what was done about it and how it went, what was concluded.

rows     a session's events from the warehouse and from the end of the queue; the sums of many sessions
story    events put together: turns with their calls, files, errors, subagents, tokens and cost; cut to a size
export   a session, or the record, as Markdown, HTML, CSV, NDJSON or Parquet
blame    from a commit to the sessions whose edits it may hold

The warehouse is asked by SQL in the dialect both engines read, over the typed views: what the connection's role may see is
shown.
"""
