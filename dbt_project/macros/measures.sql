{# What is counted or summed for a person in a month, by name: the columns of int_person_months. A metric of
   pnl_activity is one measure of another, as its row in the catalogue says. #}
{% macro measures() -%}
    {{ return([
        'goals_due', 'goals_met', 'goals_timed', 'goals_on_time', 'goals_with_priorities_reported', 'goals_aligned',
        'goals_with_setter', 'goals_self_set', 'goal_fte_months',
        'checkins_expected', 'checkins_held', 'checkins_timed', 'checkin_minutes', 'agendas_reported', 'team_agendas',
        'checkins_with_leader', 'checkins_led_by_others', 'reviews_due', 'reviews_on_time',
        'output_value', 'output_months', 'output_fte_months', 'person_months', 'fte_months',
        'managers', 'managed_months', 'layers', 'layered_months'
    ]) }}
{%- endmacro %}

{# The measure whose name stands in a column. #}
{% macro measure_named(column) -%}
    case {{ column }}
        {%- for measure in measures() %}
        when '{{ measure }}' then {{ measure }}
        {%- endfor %}
    end
{%- endmacro %}
