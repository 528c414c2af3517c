{# Beside the layer before: managers' states are by assessment, not by period, so no panel holds them. #}
{# Managers by state and by the state before, of assessments that have closed; by arm, so that no cell is a person. #}
with kept as (
    select * from {{ source('closed', 'cell_readiness') }}
    where closes_on <= {{ as_of() }}
),

kept_days as (
    select distinct assessed_date from kept
),

assessed as (
    select
        readiness.assessed_date,
        readiness.cohort,
        readiness.arm,
        -- Who is assessed for the first time came from nowhere.
        coalesce(readiness.readiness_before, 'first assessed') as readiness_before,
        readiness.readiness,
        cast(
            {{ dbt.dateadd('day', 'programme.survey_open_days', 'readiness.assessed_date') }} as date
        ) as closes_on
    from {{ ref('int_readiness') }} as readiness
    cross join {{ ref('stg_study__programmes') }} as programme
)

select
    assessed.assessed_date,
    assessed.cohort,
    assessed.arm,
    assessed.readiness_before,
    assessed.readiness,
    cast(count(*) as bigint) as n_managers,
    assessed.closes_on
from assessed
left join kept_days on assessed.assessed_date = kept_days.assessed_date
where
    kept_days.assessed_date is null
    and assessed.closes_on <= {{ as_of() }}
group by
    assessed.assessed_date,
    assessed.cohort,
    assessed.arm,
    assessed.readiness_before,
    assessed.readiness,
    assessed.closes_on
union all
select
    kept.assessed_date,
    kept.cohort,
    kept.arm,
    kept.readiness_before,
    kept.readiness,
    kept.n_managers,
    kept.closes_on
from kept
