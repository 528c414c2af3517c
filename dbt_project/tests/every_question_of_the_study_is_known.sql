{{ config(meta={'dagster': {'ref': {'name': 'stg_study__outcomes'}}}) }}
-- Conservation: every metric that the study asks about is in the catalogue; an unknown one would vanish unanswered.
select asked.metric
from {{ source('raw', 'raw_study__outcomes') }} as asked
left join {{ ref('stg_study__outcomes') }} as known on asked.metric = known.metric
where known.metric is null
