"""What a person asks for once: drain, redrive, import, erase, purge, accept a drift, examine (``doctor``)."""
