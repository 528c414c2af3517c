{# Beside the layer before: the unit's cohort is a fact of the assignment. #}
with employment as (
    select * from {{ ref('pnl_employment') }}
),

-- Exits that one snapshot reports late are in by the closing day.
rule as (
    select closing_days from {{ ref('stg_study__metrics') }}
    where metric = 'retention'
),

kept as (
    select * from {{ source('closed', 'cell_turnovers') }}
    where closes_on <= {{ as_of() }}
),

kept_months as (
    select distinct month from kept
),

units as (
    select
        unit_id,
        cohort,
        arm
    from {{ ref('int_unit_assignments') }}
),

computed as (
    select
        employment.month,
        employment.next_month,
        employment.unit_id,
        -- Counted at the end of a day: whose last day it is has left. So opening + hires − leavers is the closing.
        cast(sum(case when employment.hired_date < employment.month then 1 else 0 end) as bigint) as n_opening,
        cast(sum(case when employment.hired_date >= employment.month then 1 else 0 end) as bigint) as n_hires,
        cast(
            sum(
                case when coalesce(employment.left_date >= employment.next_month, true) then 1 else 0 end
            ) as bigint
        ) as n_closing,
        {%- set leaves = 'employment.left_date < employment.next_month' %}
        cast(sum(case when {{ leaves }} then 1 else 0 end) as bigint) as n_leavers,
        {%- for cause in ['voluntary', 'involuntary', 'other', 'unknown'] %}
            cast(
                sum(case when {{ leaves }} and employment.cause = '{{ cause }}' then 1 else 0 end) as bigint
            ) as n_{{ cause }},
        {%- endfor %}
        cast(sum(case when {{ leaves }} and employment.is_regretted then 1 else 0 end) as bigint) as n_regretted,
        -- Days of service: from the hire date to the last day, both counted.
        cast(
            sum(
                {{ dbt.datediff(
                    'greatest(employment.month, employment.hired_date)',
                    'least(employment.next_month, coalesce(employment.after_last_date, employment.next_month))',
                    'day'
                ) }}
            ) as bigint
        ) as n_person_days
    from employment
    group by employment.month, employment.next_month, employment.unit_id
),

dated as (
    select
        computed.*,
        cast(
            {{ dbt.dateadd('day', 'rule.closing_days - 1', 'computed.next_month') }}
            as date
        ) as closes_on
    from computed
    cross join rule
),

united as (
    select
        dated.month,
        dated.unit_id,
        dated.n_opening,
        dated.n_hires,
        dated.n_closing,
        dated.n_leavers,
        dated.n_voluntary,
        dated.n_involuntary,
        dated.n_other,
        dated.n_unknown,
        dated.n_regretted,
        dated.n_person_days,
        dated.closes_on,
        coalesce(units.cohort, 'not in the study') as cohort,
        coalesce(units.arm, 'not in the study') as arm
    from dated
    left join units on dated.unit_id = units.unit_id
    left join kept_months on dated.month = kept_months.month
    where
        kept_months.month is null
        and dated.closes_on <= {{ as_of() }}
    union all
    select
        kept.month,
        kept.unit_id,
        kept.n_opening,
        kept.n_hires,
        kept.n_closing,
        kept.n_leavers,
        kept.n_voluntary,
        kept.n_involuntary,
        kept.n_other,
        kept.n_unknown,
        kept.n_regretted,
        kept.n_person_days,
        kept.closes_on,
        kept.cohort,
        kept.arm
    from kept
)

select
    united.month,
    united.unit_id,
    united.cohort,
    united.arm,
    united.n_opening,
    united.n_hires,
    united.n_closing,
    united.n_leavers,
    united.n_voluntary,
    united.n_involuntary,
    united.n_other,
    united.n_unknown,
    united.n_regretted,
    united.n_person_days,
    united.closes_on
from united
