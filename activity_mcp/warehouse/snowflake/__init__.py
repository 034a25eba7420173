"""The Snowflake warehouse: rows by Snowpipe Streaming, contexts and questions by the connector, ``sql/`` by ``deployment``."""
