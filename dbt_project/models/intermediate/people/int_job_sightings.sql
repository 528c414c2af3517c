{{ config(materialized="table") }}

with workers as (
    select * from {{ ref('stg_hris__workers') }}
),

snapshots as (
    select
        mapping,
        part,
        snapshot_date,
        row_number() over (partition by mapping, part order by snapshot_date) as snapshot_number
    from (select distinct
        mapping,
        part,
        snapshot_date
    from workers) as dates
),

followed as (
    select
        workers.*,
        snapshots.snapshot_number,
        lag(snapshots.snapshot_number) over (
            partition by workers.person_id, workers.hired_date, workers.job_id, workers.mapping, workers.part
            order by workers.snapshot_date, workers.sequence, workers.line
        ) as snapshot_number_before,
        lag(workers.left_date) over (
            partition by workers.person_id, workers.hired_date, workers.job_id, workers.mapping, workers.part
            order by workers.snapshot_date, workers.sequence, workers.line
        ) as left_before_date
    from workers
    inner join snapshots
        on
            workers.mapping = snapshots.mapping
            and workers.part = snapshots.part
            and workers.snapshot_date = snapshots.snapshot_date
),

-- A gap in the snapshots after a reported exit is an exit; without a gap the exit was withdrawn.
returned as (
    select
        followed.*,
        sum(
            case
                when
                    followed.left_before_date is not null
                    and followed.snapshot_number > followed.snapshot_number_before + 1
                    and (followed.left_date is null or followed.left_date > followed.left_before_date)
                    and not followed.is_gone
                    then 1
                else 0
            end
        ) over (
            partition by followed.person_id, followed.hired_date, followed.job_id, followed.mapping, followed.part
            order by followed.snapshot_date, followed.sequence, followed.line
            rows between unbounded preceding and current row
        ) as n_returns
    from followed
)

-- Who came back with the former hire date was hired, as far as anybody knows, when a snapshot showed them again.
select
    returned.person_id,
    returned.job_id,
    returned.load_id,
    returned.line,
    returned.mapping,
    returned.snapshot_date,
    returned.snapshot_month,
    case
        when returned.n_returns = 0 then returned.hired_date
        else min(returned.snapshot_date) over (
            partition by
                returned.person_id,
                returned.hired_date,
                returned.job_id,
                returned.mapping,
                returned.part,
                returned.n_returns
        )
    end as hired_date,
    returned.left_date,
    returned.termination_type,
    returned.former_left_date,
    returned.former_termination_type,
    returned.is_former_regretted,
    returned.is_gone,
    returned.is_primary,
    returned.department,
    returned.site,
    returned.team,
    returned.manager_id,
    returned.name_key,
    returned.email_key,
    returned.manager_name_key,
    returned.manager_email_key,
    returned.output_value,
    returned.fte,
    returned.job_level,
    returned.employment_type,
    returned.is_regretted,
    returned.birth_year,
    returned.sequence,
    returned.due_again_date
from returned
