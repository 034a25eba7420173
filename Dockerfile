# The server for clients over HTTP, and the drain of a queue into Snowflake; docs/container.md shows both. `make image` builds it.
ARG PYTHON=3.13

FROM docker.io/library/python:${PYTHON}-slim-bookworm AS build
WORKDIR /source
COPY . .
# Hooks run where Claude Code does, not in here: no compiled client.
RUN python -m venv /opt/activity-mcp \
    && NATIVE_HOOK=off /opt/activity-mcp/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
        -c constraints.txt ".[web,snowflake,otel]"

FROM docker.io/library/python:${PYTHON}-slim-bookworm
LABEL org.opencontainers.image.title="activity-mcp" \
    org.opencontainers.image.source="https://github.com/activity-mcp/activity-mcp" \
    org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/activity-mcp /opt/activity-mcp
# The record is its user's alone, as activity-mcp asks of its home; a volume that is new takes over owner and mode.
RUN useradd --uid 10001 --user-group --create-home --shell /usr/sbin/nologin activity \
    && install --directory --owner=activity --group=activity --mode=0700 /record
ENV PATH=/opt/activity-mcp/bin:$PATH \
    ACTIVITY_HOME=/record \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /record
VOLUME /record
EXPOSE 8757
STOPSIGNAL SIGTERM
# Fails where /healthz answers `fail` (503) or nothing; a container of another command sets --no-healthcheck.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8757/healthz', timeout=4)"]
ENTRYPOINT ["activity-mcp"]
# Any host but loopback needs ACTIVITY_HTTP_TOKEN: without it the server says so and ends.
CMD ["serve", "--transport", "http", "--host", "0.0.0.0"]
