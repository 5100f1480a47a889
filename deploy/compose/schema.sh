#!/bin/sh
# Creates Temporal's two databases and brings their schemas up to this release; safe to run again.
# Reads SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD, the variables of temporal-sql-tool.
set -eu

tables=${SCHEMA_DIR:-/etc/temporal/schema/postgresql/v12}

tool() {
    database=$1
    shift
    temporal-sql-tool --plugin postgres12 --database "$database" "$@"
}

set_up() {
    tool "$1" create-database
    tool "$1" setup-schema --version 0.0
    tool "$1" update-schema --schema-dir "$tables/$2/versioned"
}

set_up temporal temporal
set_up temporal_visibility visibility
