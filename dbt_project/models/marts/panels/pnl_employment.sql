{# From stints, not from listings: who is listed late was employed all the same, and absence is no exit. #}
with observation as (
    select
        first_month,
        last_month
    from {{ ref('int_observation_window') }}
),

months as (
    select
        cast({{ dbt.dateadd('month', 'series.month_number - 1', 'observation.first_month') }} as date) as month,
        cast({{ dbt.dateadd('month', 'series.month_number', 'observation.first_month') }} as date) as next_month
    from observation
    inner join ({{ number_series(600) }}) as series
        on
            series.month_number - 1
            <= {{ dbt.datediff('observation.first_month', 'observation.last_month', 'month') }}
),

spells as (
    select
        person_id,
        hired_date,
        left_date,
        cast({{ dbt.dateadd('day', 1, 'left_date') }} as date) as after_last_date,
        coalesce(termination_type, 'unknown') as cause,
        coalesce(is_regretted, false) as is_regretted
    from {{ ref('int_person_spells') }}
    where
        not is_superseded
        and (left_date is null or left_date >= hired_date)
),

employed as (
    select
        spells.*,
        months.month,
        months.next_month
    from spells
    inner join months
        on
            spells.hired_date < months.next_month
            and (spells.left_date is null or spells.left_date >= months.month)
),

listed as (
    select
        memberships.person_id,
        memberships.month,
        {{ organisational_unit('programme.assignment_unit', 'memberships') }} as unit_id
    from {{ ref('int_team_memberships') }} as memberships
    cross join {{ ref('stg_study__programmes') }} as programme
),

-- The unit of the month; not listed in it: the last one known before, else the first one known.
placed as (
    select
        employed.*,
        listed.unit_id as own_unit_id,
        count(listed.unit_id) over (partition by employed.person_id order by employed.month) as n_known,
        min(case when listed.unit_id is not null then employed.month end) over (
            partition by employed.person_id
        ) as first_known_month
    from employed
    left join listed
        on
            employed.person_id = listed.person_id
            and employed.month = listed.month
),

filled as (
    select
        placed.*,
        coalesce(
            max(placed.own_unit_id) over (partition by placed.person_id, placed.n_known),
            max(case when placed.month = placed.first_known_month then placed.own_unit_id end)
                over (partition by placed.person_id),
            'none'
        ) as unit_id
    from placed
)

select
    month,
    next_month,
    person_id,
    unit_id,
    hired_date,
    left_date,
    after_last_date,
    case when left_date < next_month then cause end as cause,
    left_date < next_month and is_regretted as is_regretted
from filled
