-- What only the embedded engine has. Snowflake keeps this in the streaming endpoint, with the channel's token.

-- statement
-- The compare-and-set of a flush: read the row, compare, append, update, in one transaction.
-- grain: one row per channel
CREATE TABLE IF NOT EXISTS CHANNEL_OFFSETS (
    channel_id        VARCHAR NOT NULL,
    committed_offset  VARCHAR NOT NULL,
    updated_at        TIMESTAMP NOT NULL
);
