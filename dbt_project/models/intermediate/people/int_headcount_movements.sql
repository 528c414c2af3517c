{# Who is counted in a unit at a month's end, and every step from one month's count to the next, with its reason. #}
with memberships as (
    select
        memberships.person_id,
        memberships.month,
        memberships.hired_date,
        {{ organisational_unit('programme.assignment_unit', 'people') }} as unit_id
    from {{ ref('int_unit_memberships') }} as memberships
    cross join {{ ref('stg_study__programmes') }} as programme
    inner join {{ ref('int_team_memberships') }} as people
        on
            memberships.person_id = people.person_id
            and memberships.month = people.month
),

spells as (
    select
        person_id,
        hired_date,
        left_date,
        coalesce(termination_type, 'unknown') as cause,
        coalesce(is_regretted, false) as is_regretted
    from {{ ref('int_person_spells') }}
),

observation as (
    select
        first_month,
        last_month
    from {{ ref('int_observation_window') }}
),

listed as (
    select
        memberships.person_id,
        memberships.month,
        memberships.hired_date,
        coalesce(memberships.unit_id, 'none') as unit_id,
        spells.left_date,
        spells.cause,
        spells.is_regretted,
        lag(spells.cause) over (partition by memberships.person_id order by memberships.month) as cause_before,
        lag(spells.is_regretted) over (
            partition by memberships.person_id order by memberships.month
        ) as is_regretted_before,
        {{ month_of('spells.left_date') }} as left_month,
        coalesce({{ month_of('spells.left_date') }} = memberships.month, false) as is_leaving,
        lag(memberships.month) over (partition by memberships.person_id order by memberships.month) as month_before,
        lead(memberships.month) over (partition by memberships.person_id order by memberships.month) as month_after,
        lag(coalesce(memberships.unit_id, 'none')) over (
            partition by memberships.person_id order by memberships.month
        ) as unit_before,
        lag(memberships.hired_date) over (
            partition by memberships.person_id order by memberships.month
        ) as hired_before_date,
        lag(spells.left_date) over (
            partition by memberships.person_id order by memberships.month
        ) as left_before_date
    from memberships
    inner join spells
        on
            memberships.person_id = spells.person_id
            and memberships.hired_date = spells.hired_date
),

stepped as (
    select
        listed.*,
        observation.first_month,
        observation.last_month,
        -- Counted at the end of the month before: listed then, and not gone by its end.
        coalesce(
            listed.month_before = cast({{ dbt.dateadd('month', -1, 'listed.month') }} as date)
            and (listed.left_before_date is null or listed.left_before_date >= listed.month),
            false
        ) as was_counted,
        coalesce(
            listed.left_before_date >= listed.month
            and {{ month_of('listed.left_before_date') }} = listed.month
            and listed.hired_before_date <> listed.hired_date,
            false
        ) as ended_another_stint
    from listed
    cross join observation
),

movements as (
    -- Who was there when the month began.
    select
        person_id,
        month,
        unit_before as unit_id,
        'opening' as movement,
        1 as amount,
        cast(null as {{ dbt.type_string() }}) as cause,
        false as is_regretted
    from stepped
    where was_counted
    union all
    select
        person_id,
        month,
        unit_id,
        'opening' as movement,
        1 as amount,
        cast(null as {{ dbt.type_string() }}) as cause,
        false as is_regretted
    from stepped
    where
        month = first_month
        and hired_date < first_month
    union all
    -- Another stint began: the former one ended in the same month.
    select
        person_id,
        month,
        unit_before as unit_id,
        'leaver' as movement,
        -1 as amount,
        cause_before as cause,
        is_regretted_before as is_regretted
    from stepped
    where
        was_counted
        and ended_another_stint
    union all
    select
        person_id,
        month,
        unit_before as unit_id,
        'transfer_out' as movement,
        -1 as amount,
        cast(null as {{ dbt.type_string() }}) as cause,
        false as is_regretted
    from stepped
    where
        was_counted
        and not ended_another_stint
        and unit_before <> unit_id
    union all
    select
        person_id,
        month,
        unit_id,
        'transfer_in' as movement,
        1 as amount,
        cast(null as {{ dbt.type_string() }}) as cause,
        false as is_regretted
    from stepped
    where
        was_counted
        and not ended_another_stint
        and unit_before <> unit_id
    union all
    select
        person_id,
        month,
        unit_id,
        case
            when hired_date >= month and month_before is null then 'hire'
            when hired_date >= month then 'rehire'
            when month_before is null then 'listed_late'
            else 'listed_again'
        end as movement,
        1 as amount,
        cast(null as {{ dbt.type_string() }}) as cause,
        false as is_regretted
    from stepped
    where
        (not was_counted or ended_another_stint)
        and not (month = first_month and hired_date < first_month)
    union all
    select
        person_id,
        month,
        unit_id,
        'leaver' as movement,
        -1 as amount,
        cause,
        is_regretted
    from stepped
    where is_leaving
    union all
    -- Counted, and not listed in the month that followed.
    select
        person_id,
        cast({{ dbt.dateadd('month', 1, 'month') }} as date) as month,
        unit_id,
        'opening' as movement,
        1 as amount,
        cast(null as {{ dbt.type_string() }}) as cause,
        false as is_regretted
    from stepped
    where
        not is_leaving
        and month < last_month
        and coalesce(month_after > cast({{ dbt.dateadd('month', 1, 'month') }} as date), true)
    union all
    select
        person_id,
        cast({{ dbt.dateadd('month', 1, 'month') }} as date) as month,
        unit_id,
        case
            when left_month = cast({{ dbt.dateadd('month', 1, 'month') }} as date) then 'leaver'
            when left_date is not null then 'not_listed_before_exit'
            else 'vanished'
        end as movement,
        -1 as amount,
        case when left_month = cast({{ dbt.dateadd('month', 1, 'month') }} as date) then cause end as cause,
        left_month = cast({{ dbt.dateadd('month', 1, 'month') }} as date) and is_regretted as is_regretted
    from stepped
    where
        not is_leaving
        and month < last_month
        and coalesce(month_after > cast({{ dbt.dateadd('month', 1, 'month') }} as date), true)
)

select
    person_id,
    month,
    unit_id,
    movement,
    coalesce(cause, 'none') as cause,
    coalesce(is_regretted, false) as is_regretted,
    cast(sum(amount) as bigint) as amount
from movements
group by person_id, month, unit_id, movement, coalesce(cause, 'none'), coalesce(is_regretted, false)
