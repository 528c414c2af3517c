with life_tables as (
    select * from {{ ref('cell_life_tables') }}
),

programme as (
    select
        programme,
        retention_months
    from {{ ref('stg_study__programmes') }}
),

summed as (
    select
        life_tables.comparison_cohort,
        life_tables.comparison_arm,
        life_tables.phase,
        life_tables.segment,
        life_tables.month_number,
        sum(life_tables.n_at_risk) as n_at_risk,
        sum(life_tables.n_events) as n_events,
        sum(life_tables.n_voluntary) as n_voluntary,
        sum(life_tables.n_involuntary) as n_involuntary,
        sum(life_tables.n_other + life_tables.n_unknown) as n_other,
        sum(life_tables.n_regretted) as n_regretted
    from life_tables
    cross join programme
    where life_tables.month_number <= programme.retention_months
    group by
        life_tables.comparison_cohort,
        life_tables.comparison_arm,
        life_tables.phase,
        life_tables.segment,
        life_tables.month_number
),

{% set so_far = 'over (partition by comparison_cohort, comparison_arm, phase, segment order by month_number)' %}
-- Kaplan & Meier (1958): the product of the shares that stayed; the logarithm cannot say that all left.
survived as (
    select
        summed.*,
        case
            when max(case when summed.n_events = summed.n_at_risk then 1 else 0 end) {{ so_far }} = 1 then 0.0
            else round(exp({{ exact_sum(
                'ln(1.0 - cast(n_events as double) / nullif(n_at_risk, n_events))', scale=18, over=so_far
            ) }}), 12)
        end as share_retained
    from summed
),

-- Aalen & Johansen (1978): who leaves for a cause in a month, of those still there when it began.
incident as (
    select
        survived.*,
        coalesce(
            lag(survived.share_retained) over (
                partition by survived.comparison_cohort, survived.comparison_arm, survived.phase, survived.segment
                order by survived.month_number
            ),
            1.0
        ) / survived.n_at_risk as weight
    from survived
)

select
    programme.programme,
    incident.comparison_cohort,
    incident.comparison_arm,
    incident.phase,
    incident.segment,
    cast(incident.month_number as integer) as month_number,
    cast(incident.n_at_risk as bigint) as n_at_risk,
    cast(incident.n_events as bigint) as n_events,
    cast(incident.n_voluntary as bigint) as n_voluntary,
    cast(incident.n_involuntary as bigint) as n_involuntary,
    cast(incident.n_other as bigint) as n_other,
    cast(incident.n_regretted as bigint) as n_regretted,
    cast(incident.share_retained as double) as share_retained,
    {%- for cause in ['voluntary', 'involuntary', 'other', 'regretted'] %}
        {{ exact_sum('incident.weight * incident.n_' ~ cause, scale=12, over=so_far) }} as share_left_{{ cause }}
        {%- if not loop.last %},{% endif %}
    {%- endfor %}
from incident
cross join programme
