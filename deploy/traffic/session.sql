-- A psql session against the scenario's database: simple protocol, values written out as literals.
\set ON_ERROR_STOP on
\pset pager off
\timing off
SELECT "public"."users"."id", "public"."users"."email", "public"."users"."createdAt" FROM "public"."users" WHERE ("public"."users"."email" = 'user7@example.test' AND 1=1) LIMIT 1 OFFSET 0;
-- nobody: both sides are empty, counted as a vacuous match
SELECT "public"."users"."id", "public"."users"."email", "public"."users"."createdAt" FROM "public"."users" WHERE ("public"."users"."email" = 'nobody@example.test' AND 1=1) LIMIT 1 OFFSET 0;
SELECT "public"."machines"."id", "public"."machines"."name" FROM "public"."machines" WHERE "public"."machines"."id" IN ('mac_0001','mac_0004') ORDER BY "public"."machines"."id" ASC OFFSET 0;
SELECT "public"."machines"."id", "public"."machines"."name" FROM "public"."machines" WHERE 1=0 ORDER BY "public"."machines"."id" ASC OFFSET 0;
SELECT "public"."roles"."id", "public"."roles"."name", "public"."roles"."permissions", "public"."roles"."isDefault", "public"."roles"."createdAt", "public"."roles"."updatedAt", "public"."roles"."organizationId" FROM "public"."roles" WHERE 1=1 ORDER BY "public"."roles"."id" ASC OFFSET 0;
/* a comment is not part of a statement */ SELECT count(*) AS n FROM "issues" -- nor is this
;
-- a transaction that has written: what it reads cannot be compared from outside
BEGIN;
UPDATE "public"."issues" SET "score" = "score" + 1 WHERE "id" = 'iss_00014';
SELECT COUNT(*) AS "_count$_all" FROM (SELECT "public"."issues"."id" FROM "public"."issues" WHERE ("public"."issues"."machineId" = 'mac_0015' AND "public"."issues"."status" <> CAST('RESOLVED'::text AS "public"."IssueStatus")) OFFSET 0) AS "sub";
ROLLBACK;
-- statements without a rule
SELECT subdomain FROM organizations ORDER BY 1;
\copy (SELECT id, name FROM machines ORDER BY id LIMIT 3) TO '/dev/null'
-- another setting, which the replay makes as well
SET DateStyle = 'German';
SELECT "public"."users"."id", "public"."users"."email", "public"."users"."createdAt" FROM "public"."users" WHERE ("public"."users"."email" = 'user9@example.test' AND 1=1) LIMIT 1 OFFSET 0;
-- from here on the session may have settings that nobody has seen: skipped, context
DO $$ BEGIN PERFORM set_config('work_mem', '8MB', false); END $$;
SELECT "public"."users"."id", "public"."users"."email", "public"."users"."createdAt" FROM "public"."users" WHERE ("public"."users"."email" = 'user8@example.test' AND 1=1) LIMIT 1 OFFSET 0;
