-- Rows beside deploy/scenario/seed.sql that show what it cannot: ties, a collection without machines, a name with wildcards.
INSERT INTO collections (id, name, "isSmart", "sortOrder", "createdAt", "organizationId")
SELECT 'col_' || n, 'Empty ' || n, n % 2 = 0, 1, timestamp '2024-05-06', 'org_' || lpad((1 + n % 5)::text, 3, '0')
FROM generate_series(901, 910) n;

INSERT INTO machines (id, name, manufacturer, year, tags, settings, "createdAt", "updatedAt", "organizationId")
SELECT 'mac_9' || lpad(n::text, 3, '0'), 'Twin', NULL, NULL, '{}', '{"free_play": true, "note": null}', timestamp '2024-05-06',
       timestamptz '2024-05-06 00:00:00.001+00', 'org_' || lpad((1 + n / 2)::text, 3, '0')
FROM generate_series(0, 9) n;

INSERT INTO users (id, name, email, "createdAt", "updatedAt")
SELECT 'usr_9' || lpad(n::text, 3, '0'), CASE WHEN n < 3 THEN 'Same' END, 'same' || n || '@example.test',
       timestamp '2024-02-01' + n * interval '1 hour', timestamp '2024-02-01'
FROM generate_series(0, 5) n;

UPDATE issues SET description = 'The 100% light of the 1_0 lane' WHERE id IN ('iss_00005', 'iss_00120');
UPDATE issues SET description = 'After 100 games' WHERE id = 'iss_00100';
