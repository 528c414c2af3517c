{# Beside the layer before: it compares every load; staging holds what counts now. #}
{# Records about periods that had closed before any release knew them. They wait for a restatement. #}
with known as (
    select
        load_id,
        batch
    from {{ source('closed', 'loads') }}
),

-- The first batch that closed a month, by source. Exits and snapshots are in the figures of leaving.
closed_months as (
    select
        'hris' as source,
        month,
        min(batch) as batch
    from {{ source('closed', 'cell_turnovers') }}
    where closes_on <= {{ as_of() }}
    group by month
    union all
    select
        outcomes.source,
        cast({{ dbt.dateadd('month', 'series.month_number - 1', 'periods.period_start') }} as date) as month,
        min(periods.batch) as batch
    from {{ source('closed', 'periods') }} as periods
    inner join {{ ref('stg_study__outcomes') }} as outcomes
        on
            periods.metric = outcomes.metric
            and periods.period = outcomes.period
    inner join ({{ number_series(3) }}) as series
        on series.month_number <= case outcomes.period when 'month' then 1 else 3 end
    where
        outcomes.source <> 'hris'
        and periods.closes_on <= {{ as_of() }}
    group by
        outcomes.source,
        cast({{ dbt.dateadd('month', 'series.month_number - 1', 'periods.period_start') }} as date)
),

-- Which loads come late for which months.
late as (
    select
        closed_months.source,
        closed_months.month,
        loads.load_id
    from closed_months
    cross join {{ ref('stg_loads') }} as loads
    left join known on loads.load_id = known.load_id
    where
        known.batch is null
        or known.batch > closed_months.batch
),

-- Records that came after their month had closed. Some of them came before as well and are late again only.
late_responses as (
    select distinct
        loads.mapping,
        loads.part,
        responses.launched_date,
        responses.response_id
    from {{ source('raw', 'raw_survey__responses') }} as responses
    inner join {{ ref('stg_loads') }} as loads on responses.load_id = loads.load_id
    inner join late
        on
            late.source = 'survey'
            and responses.load_id = late.load_id
            and late.month = {{ month_of('responses.launched_date') }}
    where responses.launched_date <= {{ as_of() }}
),

late_events as (
    select distinct
        loads.mapping,
        events.event,
        events.event_id,
        events.status
    from {{ source('raw', 'raw_checkins__events') }} as events
    inner join {{ ref('stg_loads') }} as loads on events.load_id = loads.load_id
    inner join late
        on
            late.source = 'checkins'
            and events.load_id = late.load_id
            and late.month = {{ month_of('events.due_date') }}
    where events.due_date <= {{ as_of() }}
),

responses as (
    select
        responses.load_id,
        responses.line,
        responses.launched_date,
        responses.response_id,
        loads.mapping,
        loads.part,
        loads.sequence
    from {{ source('raw', 'raw_survey__responses') }} as responses
    inner join {{ ref('stg_loads') }} as loads on responses.load_id = loads.load_id
    inner join late_responses
        on
            loads.mapping = late_responses.mapping
            and loads.part = late_responses.part
            and responses.launched_date = late_responses.launched_date
            and responses.response_id = late_responses.response_id
),

-- A response that says something else than before is a record of its own.
contents as (
    select
        answers.load_id,
        answers.line,
        {{ dbt.listagg(dbt.concat(['answers.item', "'='",
            "coalesce(cast(answers.answer as " ~ dbt.type_string() ~ "), '')"]), "'|'", 'order by answers.item') }}
            as content
    from {{ source('raw', 'raw_survey__answers') }} as answers
    inner join responses
        on
            answers.load_id = responses.load_id
            and answers.line = responses.line
    group by answers.load_id, answers.line
),

answers as (
    select
        responses.load_id,
        {{ month_of('responses.launched_date') }} as month,
        row_number() over (
            partition by
                responses.mapping,
                responses.part,
                responses.launched_date,
                responses.response_id,
                contents.content
            order by responses.sequence
        ) as arrival
    from responses
    left join contents
        on
            responses.load_id = contents.load_id
            and responses.line = contents.line
),

events as (
    select
        events.load_id,
        {{ month_of('events.due_date') }} as month,
        row_number() over (
            partition by loads.mapping, events.event, events.event_id, events.status
            order by loads.sequence
        ) as arrival
    from {{ source('raw', 'raw_checkins__events') }} as events
    inner join {{ ref('stg_loads') }} as loads on events.load_id = loads.load_id
    inner join late_events
        on
            loads.mapping = late_events.mapping
            and events.event = late_events.event
            and events.event_id = late_events.event_id
            and events.status = late_events.status
    where events.due_date <= {{ as_of() }}
),

records as (
    select
        load_id,
        source,
        month,
        restatement as kind,
        n_rows
    from {{ ref('int_restatements') }}
    where source = 'hris'
    union all
    select
        load_id,
        'survey' as source,
        month,
        'survey response' as kind,
        1 as n_rows
    from answers
    where arrival = 1
    union all
    select
        load_id,
        'checkins' as source,
        month,
        'check-in or goal' as kind,
        1 as n_rows
    from events
    where arrival = 1
)

select
    records.source,
    records.month,
    records.kind,
    cast(sum(records.n_rows) as bigint) as n_records
from records
inner join late
    on
        records.source = late.source
        and records.month = late.month
        and records.load_id = late.load_id
group by records.source, records.month, records.kind
