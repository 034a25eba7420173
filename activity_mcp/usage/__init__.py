"""What requests to models cost: prices where nobody measured, sums, and what the sources of one session say beside each other.

    prices      an estimate for one request, from a list of prices by date
    sums        tokens and dollars by day, session, project, model or agent, read from the warehouse
    reconcile   the sums of each session by source, with the difference and its reason

A request is one ``llm_event``, named by its request id in every report: of several reports one counts
(``SOURCE_RANK``), they
are never added. ``cost_source`` says whose the dollars are: ``otel`` (measured by Claude Code), ``estimated``, or ``caller``.
"""
