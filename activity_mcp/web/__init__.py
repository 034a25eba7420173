"""The record as a page: on loopback, offline, live, and complete without JavaScript.

    gate      who may come in: a one-time token becomes a cookie; Host, Origin, CSRF; what each answer's headers forbid
    app       the routes: every view, its tables as CSV, the live stream, static files
    sources   what views read from, taken from a service once
    view      what a view is, and one look at it: the filters of its URL, and what it may ask
    answers   what the warehouse said: cached, in the background, never in the way of a flush, stale with its age
    statements, rollup    SQL in what both engines read, and the sums behind several views
    tables    a table: on the page, sorted by the URL, and as CSV        charts   inline SVG
    formats   numbers, dollars, times as a person reads them (Jinja filters)
    days      every day of a period     recording  is everything still recorded?     events  one event in one line
    live      what changed, as EventSource; watches only while somebody listens
    run       ``activity-mcp web``: from the address to the end

To add a view:

1. ``views/NAME.py`` with one ``VIEW = View(name, title, path, load, ...)``, and NAME in ``views.NAMES`` (the order of the
   navigation). ``load(look) -> dict`` runs on a worker thread and gives the template its variables; what it has under
   ``tables`` (a list of ``tables.Table``) is what ``PATH.csv?table=NAME`` gives. ``look`` has ``filters`` (the URL),
   ``sources``, ``now_us``, ``ask(sql, wait_s=)`` (an ``answers.Answer``: rows, or why there are none) and ``notes`` (lines
   above the page).
2. ``templates/NAME.html``: ``{% extends "layout.html" %}``, ``{% block main %}``, and ``{{ table(tables[0]) }}`` from
   ``parts.html``. No inline script, no ``style`` attribute (the policy forbids both); colours are the variables of
   ``page.css``.
3. A POST: ``actions={"name": function(look, form) -> Response}`` of the view; its form includes ``{{ csrf() }}``.

A view never takes the queue's lock and never leads. Recorded text is text: nothing is ever marked safe but what ``charts``
draws.
"""

from __future__ import annotations
