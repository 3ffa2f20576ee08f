-- psql "$DATABASE_URL" -f prelude.psql.sql -f questions/daily_actives.sql, with an analyst's login.
set search_path = rm;
set time zone 'UTC';
