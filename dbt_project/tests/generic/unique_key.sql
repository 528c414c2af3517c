{# The grain, as a test: no two rows share the key, and no part of it is missing. #}
{% test unique_key(model, columns, nullable=[]) %}
    select {{ columns | join(', ') }}, count(*) as n_rows
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
        {%- for column in columns if column not in nullable %}
        or {{ column }} is null
        {%- endfor %}
{% endtest %}
