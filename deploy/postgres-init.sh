# Run once by the official Postgres image, in an empty cluster.
. /secrets/env
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --file /deploy/postgres-init.sql
