"""Search: "when did we solve this, and how?", answered with the way back into the session.

documents        what is searched of an activity: its kind, its text, the file it is about
index            one SQLite file with an FTS5 table: documents by their words; or the same in memory
feed             keeps the index: what a flush ships goes in at once, what is missing is read from the warehouse
warehouse_rows   candidates by SQL, where there is no index: Snowflake, or an index that is missing or damaged
matching         what is looked for, as expressions of FTS5: words, their forms and likely mistakes
ranking          BM25 by words, recency, the same project; and why, in words
snippet          the part of a text that matches, with the match marked
times            times as a person writes and reads them
searcher         the answer: index or SQL, and the end of the queue, ranked together

What a person may write, and how text becomes words, is ``language``.

One semantics on both engines: wherever candidates come from, the same code matches, ranks and marks them (rows that come by SQL
and the end of the queue go through an index in memory). The index is derived: it may be deleted at any moment, and is built
again from the warehouse, the newest first. No model, no network; hooks and the start of a server import nothing of this.
"""
