{# A pair of closed periods whose values have not changed keeps its changes; one that a late file corrected is computed
   anew. Engines whose tables cannot be deleted from rebuild all of it. #}
{{ config(
    materialized='incremental' if target.type == 'duckdb' else 'table',
    incremental_strategy='append',
    pre_hook="{% if is_incremental() %}
        delete from {{ this }} where not exists (
            select 1 from {{ ref('pnl_pairs') }} as pairs
            where pairs.metric = {{ this }}.metric
                and pairs.period_start = {{ this }}.period_start
                and pairs.base_period_start = {{ this }}.base_period_start
                and pairs.fingerprint = {{ this }}.fingerprint
        )
    {% else %} select 1 {% endif %}"
) }}

with people as (
    select
        metric,
        subject_id,
        unit_id,
        cohort,
        arm,
        period_start,
        value
    from {{ ref('pnl_periods') }}
    where
        subject_kind = 'person'
        and value is not null
),

pairs as (
    select pairs.*
    from {{ ref('pnl_pairs') }} as pairs
    {% if is_incremental() %}
    left join (
        select distinct
            metric,
            period_start,
            base_period_start
        from {{ this }}
    ) as computed
        on
            pairs.metric = computed.metric
            and pairs.period_start = computed.period_start
            and pairs.base_period_start = computed.base_period_start
    where computed.metric is null
    {% endif %}
)

select
    later.metric,
    later.subject_id as person_id,
    later.unit_id,
    later.cohort,
    later.arm,
    later.period_start,
    pairs.base_period_start,
    pairs.fingerprint,
    later.value - earlier.value as change
from people as later
inner join pairs
    on
        later.metric = pairs.metric
        and later.period_start = pairs.period_start
inner join people as earlier
    on
        pairs.metric = earlier.metric
        and pairs.base_period_start = earlier.period_start
        and later.subject_id = earlier.subject_id
