#!/bin/sh
# Run once by a new PostgreSQL: orders and Temporal get databases and a user of their own, and cannot read each other's.
set -eu

sql() {
    psql --quiet --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres "$@"
}

make() {
    owner=$1 password=$2
    shift 2
    echo "CREATE ROLE :\"owner\" LOGIN PASSWORD :'password';" | sql --set=owner="$owner" --set=password="$password"
    for database in "$@"; do
        sql --set=owner="$owner" --set=database="$database" <<'SQL'
CREATE DATABASE :"database" OWNER :"owner";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
SQL
    done
}

make ordersaga "$ORDERSAGA_DB_PASSWORD" ordersaga
make temporal "$TEMPORAL_DB_PASSWORD" temporal temporal_visibility
