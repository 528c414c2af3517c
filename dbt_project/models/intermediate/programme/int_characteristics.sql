with assignments as (
    select assignments.*
    from {{ ref('int_assignments') }} as assignments
    inner join {{ ref('int_eligible') }} as eligible on assignments.person_id = eligible.person_id
),

-- As the programme found them; of those who had left before, as they were last seen.
described as (
    select
        assignments.*,
        greatest(
            least(assignments.first_kickoff_date, cast({{ dbt.last_day('assigned_month', 'month') }} as date)),
            assignments.hired_date
        ) as described_date
    from assignments
),

aged as (
    select
        described.*,
        {{ dbt.datediff('hired_date', 'described_date', 'day') }}
            as tenure_days
    from described
)

select
    person_id,
    unit_id,
    'tenure_years' as characteristic,
    tenure_days / 365.25 as value
from aged
union all
select
    person_id,
    unit_id,
    'age_years' as characteristic,
    cast(extract(year from described_date) - birth_year as double) as value
from aged
where birth_year is not null
union all
select
    person_id,
    unit_id,
    'fte' as characteristic,
    fte as value
from aged
where fte is not null
