#!/bin/sh
# Brings Temporal's two databases to the schema of its release; run before every start, it changes nothing a second time.
set -eu

for database in temporal:temporal temporal_visibility:visibility; do
    name=${database%%:*} schema=${database##*:}
    tool="temporal-sql-tool --plugin postgres12 --ep postgres -p 5432 -u temporal --db $name"
    $tool setup-schema -v 0.0
    $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
