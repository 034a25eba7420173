"""The answer of ``get_context``, without asking a warehouse inside a call.

context_reader     memory → snapshot file → stale-while-revalidate decision → overlay → answer
cache              stale-while-revalidate over the snapshot files: memory, else the file if it changed, else a request
overlay            the newest local events above a snapshot's watermark, so that one's own events show at once
local_events       the queue's tail, read for the overlay
memoized_renderer  an answer kept until something in it would read differently
on_demand_refresh  asks the leader for a refresh and waits for it
"""
