"""From the queue to the warehouse and back to the snapshots: what the leader's background thread does.

leader            holds the lease, flushes, refreshes, rests
flusher           one batch: read, sync, ship with its offset in one transaction, commit
rows              a line of the queue as a row of the stream
refresher         contexts of the warehouse → snapshot files
poll_schedule     how often a context is asked for
backpressure      how a leader slows down when the backlog stops moving
daily_retention   once a day: what is past its time is deleted
"""
