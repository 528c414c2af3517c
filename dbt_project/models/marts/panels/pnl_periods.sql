-- What figures are made of. A period enters when it is over, and stays as it was first released: what comes late waits
-- until it is about enough people of each cohort that it touches, since two releases that differ by a few people would
-- disclose what those few said (docs/decisions/0006).
with corrections as (
    select distinct
        metric,
        period_start,
        case
            when is_ready and not is_released then 'observed'
            when is_ready and is_batch then 'observed'
            when is_released then 'released'
            else 'open'
        end as told_as
    from {{ ref('pnl_corrections') }}
),

observed as (
    select * from {{ ref('pnl_observed') }}
),

released as (
    select * from {{ ref('int_released_observations') }}
),

-- When a cohort begins is the study's word and no observation: as it is declared now, also for what stays as told. Else
-- a cohort whose kick-off was put right would begin twice.
kickoffs as (
    select
        cohort,
        max(kickoff_date) as kickoff_date
    from observed
    group by cohort
)

select
    observed.metric,
    observed.subject_kind,
    observed.subject_id,
    observed.unit_id,
    observed.cohort,
    observed.arm,
    observed.kickoff_date,
    observed.period_start,
    observed.last_observed_date,
    observed.value
from observed
inner join corrections
    on
        observed.metric = corrections.metric
        and observed.period_start = corrections.period_start
where corrections.told_as = 'observed'
union all
select
    released.metric,
    released.subject_kind,
    released.subject_id,
    released.unit_id,
    released.cohort,
    released.arm,
    case when kickoffs.cohort is null then released.kickoff_date else kickoffs.kickoff_date end as kickoff_date,
    released.period_start,
    released.last_observed_date,
    released.value
from released
inner join corrections
    on
        released.metric = corrections.metric
        and released.period_start = corrections.period_start
left join kickoffs on released.cohort = kickoffs.cohort
where corrections.told_as = 'released'
