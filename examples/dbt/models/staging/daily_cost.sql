-- grain: customer, project, model, day
select
    customer,
    project,
    model,
    date_trunc('day', ts) as day,
    count(*) as responses,
    sum(prompt_tokens + completion_tokens) as tokens,
    sum(cost_usd) as cost_usd
from {{ source('activities', 'vw_llm_events') }}
group by 1, 2, 3, 4
