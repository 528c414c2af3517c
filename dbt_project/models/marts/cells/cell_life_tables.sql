{# Beside the layer before: segments are facts of the assignment. #}
{% set causes = ['voluntary', 'involuntary', 'other', 'unknown'] %}
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
),

-- Those followed for the same time are one row from here on.
followed as (
    select
        metric,
        unit_id,
        cohort,
        comparison_cohort,
        comparison_arm,
        phase,
        segment,
        months_followed,
        count(*) as n_people,
        sum(case when has_left then 1 else 0 end) as n_events,
        {%- for cause in causes %}
            sum(case when has_left and cause = '{{ cause }}' then 1 else 0 end) as n_{{ cause }},
        {%- endfor %}
        sum(case when has_left and is_regretted then 1 else 0 end) as n_regretted
    from segmented
    group by metric, unit_id, cohort, comparison_cohort, comparison_arm, phase, segment, months_followed
)

-- Kaplan–Meier's convention: who is censored in a month was at risk in it.
select
    followed.metric,
    followed.unit_id,
    followed.cohort,
    followed.comparison_cohort,
    followed.comparison_arm,
    followed.phase,
    followed.segment,
    numbers.month_number,
    cast(sum(followed.n_people) as bigint) as n_at_risk,
    {%- for name in ['events'] + causes + ['regretted'] %}
        cast(
            sum(
                case when followed.months_followed = numbers.month_number then followed.n_{{ name }} else 0 end
            ) as bigint
        ) as n_{{ name }}{% if not loop.last %},{% endif %}
    {%- endfor %}
from followed
inner join numbers on followed.months_followed >= numbers.month_number
group by
    followed.metric,
    followed.unit_id,
    followed.cohort,
    followed.comparison_cohort,
    followed.comparison_arm,
    followed.phase,
    followed.segment,
    numbers.month_number
