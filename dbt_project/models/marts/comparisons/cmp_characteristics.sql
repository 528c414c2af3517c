with cells as (
    select * from {{ ref('cell_characteristics') }}
),

programme as (
    select programme from {{ ref('stg_study__programmes') }}
),

arms as (
    select
        characteristic,
        arm,
        sum(n_people) as n_people,
        {{ exact_sum('value_sum') }} / sum(n_people) as mean
    from cells
    group by characteristic, arm
),

-- Pooling variances: what varies within cells plus what varies between them.
spreads as (
    select
        cells.characteristic,
        cells.arm,
        {{ exact_sum(
            'cells.centred_sum_of_squares + cells.n_people'
            ~ ' * (cells.value_sum / cells.n_people - arms.mean) * (cells.value_sum / cells.n_people - arms.mean)'
        ) }} / nullif(max(arms.n_people) - 1, 0) as variance
    from cells
    inner join arms
        on
            cells.characteristic = arms.characteristic
            and cells.arm = arms.arm
    group by cells.characteristic, cells.arm
),

paired as (
    select
        arms.characteristic,
        max(case when arms.arm = 'pilot' then arms.mean end) as mean_pilot,
        max(case when arms.arm = 'control' then arms.mean end) as mean_control,
        max(case when arms.arm = 'pilot' then spreads.variance end) as variance_pilot,
        max(case when arms.arm = 'control' then spreads.variance end) as variance_control,
        max(case when arms.arm = 'pilot' then arms.n_people else 0 end) as n_pilot,
        max(case when arms.arm = 'control' then arms.n_people else 0 end) as n_control
    from arms
    inner join spreads
        on
            arms.characteristic = spreads.characteristic
            and arms.arm = spreads.arm
    group by arms.characteristic
)

-- Standardised differences as in cmp_balance; of a share the variance is its own.
select
    programme.programme,
    paired.characteristic,
    cast(paired.mean_pilot as double) as mean_pilot,
    cast(paired.mean_control as double) as mean_control,
    round(cast(
        (paired.mean_pilot - paired.mean_control)
        / nullif(sqrt((paired.variance_pilot + paired.variance_control) / 2), 0) as double
    ), 2) as standardised_difference,
    cast(paired.n_pilot as bigint) as n_pilot,
    cast(paired.n_control as bigint) as n_control
from paired
cross join programme
