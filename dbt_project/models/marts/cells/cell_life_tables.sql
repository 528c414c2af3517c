{# Beside the layer before: segments are facts of the assignment. #}
with panel as (
    select * from {{ ref('pnl_retention') }}
),

numbers as (
    {{ number_series(36) }}
),

segments as (
    select
        member_kind,
        member_id,
        segment
    from {{ ref('int_segments') }}
),

segmented as (
    select
        panel.*,
        'all' as segment
    from panel
    union all
    select
        panel.*,
        segments.segment
    from panel
    inner join segments
        on
            segments.member_kind = 'person'
            and panel.person_id = segments.member_id
    union all
    select
        panel.*,
        segments.segment
    from panel
    inner join segments
        on
            segments.member_kind = 'unit'
            and panel.unit_id = segments.member_id
)

-- Kaplan–Meier's convention: who is censored in a month was at risk in it.
select
    segmented.metric,
    segmented.unit_id,
    segmented.cohort,
    segmented.comparison_cohort,
    segmented.comparison_arm,
    segmented.phase,
    segmented.segment,
    numbers.month_number,
    cast(count(*) as bigint) as n_at_risk,
    {%- set leaves = 'segmented.has_left and segmented.months_followed = numbers.month_number' %}
    cast(sum(case when {{ leaves }} then 1 else 0 end) as bigint) as n_events,
    {%- for cause in ['voluntary', 'involuntary', 'other', 'unknown'] %}
        cast(
            sum(case when {{ leaves }} and segmented.cause = '{{ cause }}' then 1 else 0 end) as bigint
        ) as n_{{ cause }},
    {%- endfor %}
    cast(sum(case when {{ leaves }} and segmented.is_regretted then 1 else 0 end) as bigint) as n_regretted
from segmented
inner join numbers on segmented.months_followed >= numbers.month_number
group by
    segmented.metric,
    segmented.unit_id,
    segmented.cohort,
    segmented.comparison_cohort,
    segmented.comparison_arm,
    segmented.phase,
    segmented.segment,
    numbers.month_number
