-- grain: customer, project, tool, day
select
    customer,
    project,
    tool_name,
    date_trunc('day', ts) as day,
    count(*) as calls,
    count_if(not success) as failures,
    percentile_cont(0.95) within group (order by latency_ms) as p95_ms
from {{ source('activities', 'vw_tool_events') }}
group by 1, 2, 3, 4
