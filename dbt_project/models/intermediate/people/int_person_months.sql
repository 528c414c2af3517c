with observed as (
    select * from {{ ref('int_observed') }}
),

programme as (
    select
        checkins_per_month,
        review_days
    from {{ ref('stg_study__programmes') }}
),

goals as (
    select
        checkins.*,
        -- A goal that was not met was not met on time; of one that was, the day or a mark of lateness must be known.
        checkins.reports_timing
        and (checkins.status <> 'met' or checkins.is_late is not null or checkins.submitted_date is not null)
            as is_timed,
        checkins.status = 'met'
        and not coalesce(checkins.is_late, checkins.submitted_date > checkins.due_date, false) as is_on_time
    from {{ ref('int_checkins') }} as checkins
    where
        checkins.event = 'goal'
        and checkins.person_id is not null
),

goals_of_months as (
    select
        person_id,
        month,
        count(*) as goals_due,
        sum(case when status = 'met' then 1 else 0 end) as goals_met,
        sum(case when is_timed then 1 else 0 end) as goals_timed,
        sum(case when is_timed and is_on_time then 1 else 0 end) as goals_on_time,
        sum(case when reports_priorities then 1 else 0 end) as goals_with_priorities_reported,
        sum(case when priority is not null then 1 else 0 end) as goals_aligned,
        sum(case when set_by is not null then 1 else 0 end) as goals_with_setter,
        sum(case when set_by in ('person', 'team') then 1 else 0 end) as goals_self_set
    from goals
    group by person_id, month
),

checkins as (
    select
        checkins.*,
        checkins.led_by_person_id is not null and checkins.manager_person_id is not null as is_leader_known,
        cast(
            {{ dbt.dateadd('day', 'programme.review_days', 'coalesce(checkins.submitted_date, checkins.due_date)') }}
            as date
        ) as review_due_date
    from {{ ref('int_checkins') }} as checkins
    cross join programme
    where
        checkins.event = 'checkin'
        and checkins.person_id is not null
),

-- Whose time to be read has not run out is neither read in time nor too late.
checkins_of_months as (
    select
        person_id,
        month,
        count(*) as checkins_due,
        sum(case when status = 'held' then 1 else 0 end) as checkins_held,
        sum(case when status = 'held' and n_minutes is not null then 1 else 0 end) as checkins_timed,
        {{ exact_sum("case when status = 'held' then n_minutes end") }} as checkin_minutes,
        sum(case when status = 'held' and agenda_set_by is not null then 1 else 0 end) as agendas_reported,
        sum(case when status = 'held' and agenda_set_by in ('person', 'team') then 1 else 0 end) as team_agendas,
        sum(case when status = 'held' and is_leader_known then 1 else 0 end) as checkins_with_leader,
        sum(
            case when status = 'held' and is_leader_known and led_by_person_id <> manager_person_id then 1 else 0 end
        ) as checkins_led_by_others,
        sum(
            case when status = 'held' and reports_reviews and review_due_date <= {{ as_of() }} then 1 else 0 end
        ) as reviews_due,
        sum(
            case
                when
                    status = 'held' and reports_reviews and review_due_date <= {{ as_of() }}
                    and reviewed_date <= review_due_date
                    then 1
                else 0
            end
        ) as reviews_on_time
    from checkins
    group by person_id, month
),

lines as (
    select
        person_id,
        month,
        layer,
        manager_n_direct_reports
    from {{ ref('int_reporting_lines') }}
),

-- Where the study says how many check-ins there should be, silence is none held; else the log says what was due.
joined as (
    select
        observed.*,
        goals.goals_due,
        goals.goals_met,
        goals.goals_timed,
        goals.goals_on_time,
        goals.goals_with_priorities_reported,
        goals.goals_aligned,
        goals.goals_with_setter,
        goals.goals_self_set,
        case when goals.goals_due > 0 then observed.fte end as goal_fte_months,
        coalesce(programme.checkins_per_month, checkins.checkins_due) as checkins_expected,
        case
            when programme.checkins_per_month is not null then coalesce(checkins.checkins_held, 0)
            else checkins.checkins_held
        end as checkins_held,
        checkins.checkins_timed,
        checkins.checkin_minutes,
        checkins.agendas_reported,
        checkins.team_agendas,
        checkins.checkins_with_leader,
        checkins.checkins_led_by_others,
        checkins.reviews_due,
        checkins.reviews_on_time,
        case when observed.output_value is not null then 1.0 end as output_months,
        case when observed.output_value is not null then observed.fte end as output_fte_months,
        -- Everybody's share of their manager: summed over people it is the number of managers.
        1.0 / lines.manager_n_direct_reports as managers,
        case when lines.manager_n_direct_reports is not null then 1.0 end as managed_months,
        lines.layer as layers,
        case when lines.layer is not null then 1.0 end as layered_months
    from observed
    cross join programme
    left join goals_of_months as goals
        on
            observed.person_id = goals.person_id
            and observed.month = goals.month
    left join checkins_of_months as checkins
        on
            observed.person_id = checkins.person_id
            and observed.month = checkins.month
    left join lines
        on
            observed.person_id = lines.person_id
            and observed.month = lines.month
)

select
    person_id,
    month,
    unit_id,
    cohort,
    arm,
    kickoff_date,
    {%- for measure in measures() if measure not in ('person_months', 'fte_months') %}
        cast({{ measure }} as double) as {{ measure }},
    {%- endfor %}
    cast(1.0 as double) as person_months,
    cast(fte as double) as fte_months
from joined
