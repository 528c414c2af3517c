{# The fields of a worker that a delivery of changes may leave blank. #}
{% macro worker_fields() -%}
    {{ return([
        'hired_date', 'left_date', 'termination_type', 'worker_status', 'department', 'site', 'team', 'manager_id', 'name_key',
        'email_key', 'manager_name_key', 'manager_email_key', 'output_value', 'fte', 'job_level', 'employment_type',
        'is_regretted', 'birth_year', 'is_primary'
    ]) }}
{%- endmacro %}

{# How many values of each field came so far: rows that share a number share the last value that was not blank. #}
{% macro counted_fields(partition_by, order_by) -%}
    {%- for field in worker_fields() %}
    count({{ field }}) over (partition by {{ partition_by }} order by {{ order_by }}) as nth_{{ field }}
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
{%- endmacro %}

{% macro kept_fields(partition_by) -%}
    {%- for field in worker_fields() %}
    case
        when on_blank = 'keeps' then max({{ field }}) over (partition by {{ partition_by }}, nth_{{ field }})
        else {{ field }}
    end as {{ field }}
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
{%- endmacro %}

{# A worker's fields as words with a mark between them, for dbt.concat: rows are the same where these are. #}
{% macro worker_words(prefix) -%}
    {%- set words = ["''"] -%}
    {%- for field in worker_fields() -%}
        {%- do words.append("coalesce(cast(" ~ prefix ~ field ~ " as " ~ dbt.type_string() ~ "), '')") -%}
        {%- do words.append("'|'") -%}
    {%- endfor -%}
    {{ return(words) }}
{%- endmacro %}
