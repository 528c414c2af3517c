{% set deepest = 20 %}
with links as (
    select
        memberships.person_id,
        memberships.month,
        links.manager_person_id,
        coalesce(links.resolution, 'no manager named') as resolution
    from {{ ref('int_team_memberships') }} as memberships
    left join {{ ref('int_manager_links') }} as links
        on
            memberships.person_id = links.person_id
            and memberships.month = links.month
),

reports as (
    select
        manager_person_id,
        month,
        count(*) as n_direct_reports
    from links
    where manager_person_id is not null
    group by manager_person_id, month
),

-- The top: somebody with reports and with nobody above. Without reports it is somebody whose manager nobody wrote down.
layer_0 as (
    select
        links.person_id,
        links.month
    from links
    inner join reports
        on
            links.person_id = reports.manager_person_id
            and links.month = reports.month
    where links.resolution in ('no manager named', 'reports to themselves')
),

-- Whoever has nobody below is one below their manager; the levels are found among the others.
managers as (
    select
        links.person_id,
        links.month,
        links.manager_person_id
    from links
    inner join reports
        on
            links.person_id = reports.manager_person_id
            and links.month = reports.month
    where links.manager_person_id is not null
),

-- Level by level: portable, and whoever reports in a circle is simply never reached.
{% for n in range(1, deepest - 1) %}
    layer_{{ n }} as (
        select
            managers.person_id,
            managers.month
        from managers
        inner join layer_{{ n - 1 }} as above
            on
                managers.manager_person_id = above.person_id
                and managers.month = above.month
    ),
{% endfor %}

layers as (
    {% for n in range(deepest - 1) %}
        select
            person_id,
            month,
            {{ n }} as n_above
        from layer_{{ n }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

programme as (
    select top_layer from {{ ref('stg_study__programmes') }}
)

select
    links.person_id,
    links.month,
    links.manager_person_id,
    links.resolution,
    coalesce(layers.n_above, above.n_above + 1) + programme.top_layer as layer,
    cast(coalesce(own.n_direct_reports, 0) as bigint) as n_direct_reports,
    cast(managers.n_direct_reports as bigint) as manager_n_direct_reports
from links
cross join programme
left join layers
    on
        links.person_id = layers.person_id
        and links.month = layers.month
left join layers as above
    on
        links.manager_person_id = above.person_id
        and links.month = above.month
left join reports as own
    on
        links.person_id = own.manager_person_id
        and links.month = own.month
left join reports as managers
    on
        links.manager_person_id = managers.manager_person_id
        and links.month = managers.month
