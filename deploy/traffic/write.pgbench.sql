-- pgbench writes to the very rows that the other clients read.
\set g random(1, 600)
\set m random(1, 60)
BEGIN;
UPDATE "issues" SET "score" = "score" + 0.5, "updatedAt" = "updatedAt" + interval '1 second' WHERE "id" = 'iss_' || lpad(:g::text, 5, '0');
UPDATE "machines" SET "playCount" = "playCount" + 1, "settings" = "settings" || '{"played": true}' WHERE "id" = 'mac_' || lpad(:m::text, 4, '0');
COMMIT;
