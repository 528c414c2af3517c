{% set deepest = 15 %}
with completed as (
    select
        person_id,
        trained_by_person_id,
        completed_date,
        row_number() over (
            partition by person_id order by completed_date nulls last, trained_by_person_id nulls last, load_id, line
        ) as row_rank
    from {{ ref('int_trainings') }}
    where
        status = 'completed'
        and person_id is not null
),

-- The first training that somebody completed made them one of the cascade.
trained as (
    select
        person_id,
        completed_date,
        case when trained_by_person_id <> person_id then trained_by_person_id end as trained_by_person_id
    from completed
    where row_rank = 1
),

-- The first link was trained from outside, or by somebody who is not a trained coach.
depth_1 as (
    select trained.person_id
    from trained
    left join trained as trainers on trained.trained_by_person_id = trainers.person_id
    where trainers.person_id is null
),

{% for n in range(2, deepest + 1) %}
    depth_{{ n }} as (
        select trained.person_id
        from trained
        inner join depth_{{ n - 1 }} as before on trained.trained_by_person_id = before.person_id
    ),
{% endfor %}

depths as (
    {% for n in range(1, deepest + 1) %}
        select
            person_id,
            {{ n }} as depth
        from depth_{{ n }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

passed_on as (
    select
        trained_by_person_id as person_id,
        count(*) as n_trained
    from trained
    where trained_by_person_id is not null
    group by trained_by_person_id
),

reached as (
    select
        coach_person_id as person_id,
        n_people
    from {{ ref('int_coaches') }}
)

-- Who trained each other in a circle has no depth.
select
    trained.person_id,
    trained.trained_by_person_id,
    trained.completed_date,
    cast(depths.depth as integer) as depth,
    cast(coalesce(passed_on.n_trained, 0) as bigint) as n_trained,
    cast(coalesce(reached.n_people, 0) as bigint) as n_people_reached
from trained
left join depths on trained.person_id = depths.person_id
left join passed_on on trained.person_id = passed_on.person_id
left join reached on trained.person_id = reached.person_id
