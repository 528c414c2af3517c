with panel as (
    {% for panel in var('panels') %}
        select
            metric,
            subject_kind,
            subject_id,
            unit_id,
            cohort,
            arm,
            kickoff_date,
            observed_from_date,
            observed_date,
            period_start,
            value
        from {{ ref(panel) }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

-- Two waves in one period make one value per person, so that a person counts once.
select
    metric,
    subject_kind,
    subject_id,
    unit_id,
    cohort,
    arm,
    kickoff_date,
    period_start,
    min(observed_from_date) as first_observed_date,
    max(observed_date) as last_observed_date,
    {{ exact_sum('value') }} / count(value) as value
from panel
group by metric, subject_kind, subject_id, unit_id, cohort, arm, kickoff_date, period_start
