{# First day of the month / of the metric's period, as a date. #}
{% macro month_of(column) -%}
    cast({{ dbt.date_trunc('month', column) }} as date)
{%- endmacro %}

{% macro period_of(column, period_column) -%}
    cast(
        case {{ period_column }}
            when 'month' then {{ dbt.date_trunc('month', column) }}
            else {{ dbt.date_trunc('quarter', column) }}
        end as date
    )
{%- endmacro %}

{# Last day of the metric's period that begins on a day. #}
{% macro period_end(start_column, period_column) -%}
    cast(
        case {{ period_column }}
            when 'month' then {{ dbt.last_day(start_column, 'month') }}
            else {{ dbt.last_day(start_column, 'quarter') }}
        end as date
    )
{%- endmacro %}

{# Whole months from one day to another, also backwards (the day before is -1). The month that begins on the 31st ends
   where the next one begins: on the last day of a shorter month. #}
{% macro whole_months(from_column, to_column) -%}
    {%- set months = dbt.datediff(from_column, to_column, 'month') -%}
    (
        {{ months }}
        - case when {{ to_column }} < {{ dbt.dateadd('month', months, from_column) }} then 1 else 0 end
    )
{%- endmacro %}

{# The day the run looks from. There is no clock in any model: the run gives the day, and a rebuild of an old report
   the old one. It is given by environment, since another --var makes dbt parse the whole project anew. #}
{% macro as_of() -%}
    cast('{{ env_var("COACHING_AS_OF", "2100-01-01") }}' as date)
{%- endmacro %}

{# The unit that Finance counts in: as assigned where that is a unit of the organisation, else the department. #}
{% macro organisational_unit(assignment_unit, prefix) -%}
    case {{ assignment_unit }}
        when 'team' then {{ prefix }}.team
        when 'site' then {{ prefix }}.site
        else {{ prefix }}.department
    end
{%- endmacro %}
