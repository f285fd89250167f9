#!/bin/sh
# Run by the image of Postgres when its volume is new.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -v "owner_password=$OWNER_PASSWORD" -v "serving_password=$SERVING_PASSWORD" \
  -f /prefecture/roles.sql
createdb -U postgres -O prefecture -E UTF8 -T template0 prefecture
psql -v ON_ERROR_STOP=1 -U postgres -d prefecture -f /prefecture/database.sql
