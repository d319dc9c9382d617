"""Wrong rewrites, each made from a right rule of deploy/examples/pinpoint.yaml by one change of its text, and as what it must
be found in the catalogue's calls: all mismatch kinds of its operations (`null+value`), `rewrite_error` or `broken`. `crossing` is
a warning only: columns pair by table and column, and swapped ones are told in the log. `NOTHING` says why nothing is found."""

NOTHING = {
    ('roleRouter.allowing', 'predicate dropped'): 'no default role of the scenario allows anything',
    ('issueRouter.byStatus', 'alphabetical order'): 'the sort key, an enum, is not in the output but only its text: `order_unproven`',
}
# Found, but as less than a mismatch: without an ORDER BY any row may stand for any other at a LIMIT.
UNSTABLE = {('machineRouter.bySerial', 'negated'), ('machineRouter.byQrCode', 'negated')}

# rule: ((what is wrong, text of the rewrite, text in its place, found as), ...)
TABLE = {
    'userRouter.byEmail': (
        ('predicate dropped', '"users"."email" = :email', ":email <> ''", 'extra_row'),
        ('another column', '"createdAt"', '"updatedAt"', 'broken'),
        ('column forgotten', ', "createdAt"', '', 'broken'),
        ('renamed column', '"email",', '"mail",', 'rewrite_error'),
    ),
    'userRouter.together': (
        ('one row only', 'in (:ids)', 'in (:ids) limit 1', 'missing_row'),
        ('columns swapped', '"id", "name", "bio"', '"id", "bio" as "name", "name" as "bio"', 'crossing'),
        ('negated', ' in (:ids)', ' not in (:ids)', 'missing_row'),
        ('NULL replaced', '"bio"', "coalesce(\"bio\", '')", 'null'),
    ),
    'userRouter.byFrequency': (
        ('predicate dropped', '"users"."emailNotifications" = :enabled', ':enabled::boolean', 'extra_row+missing_row'),
        ('NULLs first', 'nulls last', 'nulls first', 'missing_row+order'),
        ('wrong direction', '"name" desc', '"name" asc', 'missing_row+order'),
        ('one row more', 'limit :take', 'limit :take + 1', 'extra_row'),
        ('page pinned', 'offset :skip', 'offset 0 * :skip', 'extra_row+missing_row'),
        ('tie broken the other way', '"id" asc', '"id" desc', 'order'),
    ),
    'userRouter.unverified': (
        ('predicate dropped', ' and "users"."bio" is not null', '', 'extra_row+missing_row'),
        ('negated', '"emailVerified" is null', '"emailVerified" is not null', 'missing_row'),
        ('wrong direction', 'desc', 'asc', 'missing_row+order'),
        ('one row less', 'limit :take', 'limit :take - 1', 'missing_row'),
        ('limit lost', ' limit :take', ' limit :take + 1000', 'extra_row'),
    ),
    'userRouter.createdBetween': (
        ('open in place of closed', '"createdAt" >= :from', '"createdAt" > :from', 'missing_row'),
        ('bound dropped', ' and "users"."createdAt" < :to', ' and :to::timestamp is not null', 'extra_row'),
        ('bounds swapped', '>= :from and "users"."createdAt" < :to', '>= :to and "users"."createdAt" < :from', 'extra_row+missing_row'),
        ('order lost', ' order by "users"."createdAt" asc', ' order by md5("users"."id")', 'order'),
        ('precision lost', '"createdAt", "updatedAt"', 'date_trunc(\'second\', "createdAt"), "updatedAt"', 'value'),
    ),
    'userRouter.find': (
        ('case matters', ' ilike ', ' like ', 'missing_row'),
        ('or became and', ' ilike :textLike or ', ' ilike :textLike and ', 'missing_row'),
        ('NOT lost', 'not "users"."name" = :name', '"users"."name" = :name', 'missing_row'),
        ('NULL names come back', 'not "users"."name" = :name', '"users"."name" is distinct from :name', 'extra_row'),
    ),
    'userRouter.countOfFrequency': (
        ('predicate dropped', '"notificationFrequency" <> :frequency', '"notificationFrequency" is distinct from null and :frequency <> \'\'', 'value'),
        ('NULLs not counted', 'count(*)', 'count("emailVerified")', 'value'),
        ('count became text', 'count(*)', 'count(*)::text', 'column_type'),
    ),
    'organizationRouter.bySubdomain': (
        ('columns swapped', '"name", "subdomain"', '"subdomain" as "name", "name" as "subdomain"', 'crossing'),
        ('prefix in place of equality', '= :subdomain', "like left(:subdomain, 6) || '%'", 'extra_row'),
        ('time zone', '"createdAt"', '"createdAt" + interval \'1 hour\'', 'value'),
    ),
    'organizationRouter.dashboard': (
        ('bound closed', '"id" > :after', '"id" >= :after', 'extra_row'),
        ('bound dropped', '"organizations"."id" > :after', ":after <> 'x'", 'extra_row'),
        ('wrong direction', 'asc', 'desc', 'order'),
        ('counts swapped', 'from "machines" where "machines"', 'from "issues" where "issues"', 'broken'),
    ),
    'roleRouter.all': (
        ('wrong direction', 'asc', 'desc', 'order'),
        ('array as text', '"permissions"', 'array_to_string("permissions", \',\')', 'column_type'),
        ('element lost', '"permissions"', '"permissions"[2:]', 'value'),
        ('filter added', ' order by', ' where "permissions"[1] is not null order by', 'missing_row'),
    ),
    'roleRouter.allowing': (
        ('contains became contained', '@>', '<@', 'missing_row'),
        ('predicate dropped', '"roles"."isDefault" = :default', ':default::boolean is not null', 'nothing'),
        ('order of keys', '"roles"."organizationId" asc, "roles"."name" asc', '"roles"."name" asc, "roles"."organizationId" asc', 'order'),
    ),
    'membershipRouter.joinedSince': (
        ('left for inner join', 'inner join "roles" on "memberships"."roleId" = "roles"."id" where ("memberships"."joinedAt" >= :since and "roles"."name" = :role)',
         'left join "roles" on "memberships"."roleId" = "roles"."id" and "roles"."name" = :role where "memberships"."joinedAt" >= :since', 'value'),
        ('cast to a month', ':since', 'date_trunc(\'month\', :since::timestamptz)', 'value'),
    ),
    'machineRouter.byIds': (
        ('rows twice', 'select "id", "name" from "machines"', 'select "machines"."id", "name" from "machines" inner join "issues" on "issues"."machineId" = "machines"."id"', 'extra_row'),
        ('wrong direction', 'asc', 'desc', 'order'),
        ('first only', ' in (:ids)', ' = (array[:ids])[1]', 'missing_row'),
    ),
    'machineRouter.byIds.none': (
        ('everything', 'where false', 'where true', 'extra_row'),
    ),
    'machineRouter.freePlay': (
        ('predicate dropped', '"machines"."settings" @> \'{"free_play":true}\'::jsonb and ', '', 'extra_row'),
        ('operator', '->> \'note\' like', '->> \'note\' not like', 'extra_row+missing_row'),
        ('JSON as text', '"settings",', '"settings"::text,', 'column_type'),
        ('JSON value lost', '"settings",', '"settings" - \'dip\',', 'value'),
        ('JSON number changed', '"settings",', 'jsonb_set("settings", \'{balls}\', \'4.5\'),', 'value'),
    ),
    'machineRouter.byId': (
        ('number rounded', '"playCount"', '"playCount"::double precision::bigint', 'value'),
        ('numeric as float', '"purchasePrice"', '"purchasePrice"::double precision', 'column_type'),
        ('columns swapped', '"latitude", "longitude"', '"longitude" as "latitude", "latitude" as "longitude"', 'crossing'),
        ('scale lost', '"purchasePrice"', 'trunc("purchasePrice")', 'value'),
        ('bytes as text', '"qrCode"', "encode(\"qrCode\", 'hex')", 'column_type'),
        ('value became NULL', '"manufacturer"', 'nullif("manufacturer", \'Stern\')', 'null'),
        ('float rounded', '"longitude"', 'round("longitude"::numeric, 6)::double precision', 'value'),
    ),
    'machineRouter.list': (
        ('page pinned', 'offset :skip', 'offset 0 * :skip', 'extra_row+missing_row'),
        ('off by one', 'limit :take', 'limit :take - 1', 'missing_row'),
        ('limit and offset swapped', 'limit :take offset :skip', 'limit :skip offset :take', 'extra_row+missing_row'),
        ('inner join', 'where "machines"."organizationId" = :org', 'inner join (select "id" as "owner" from "users") "users" on "owner" = "machines"."ownerId" where "machines"."organizationId" = :org', 'missing_row'),
        ('order lost', ' order by "machines"."id" asc', ' order by md5("machines"."id")', 'missing_row+order'),
    ),
    'machineRouter.withoutOwner': (
        ('negated', 'is null', 'is not null', 'missing_row'),
        ('predicate dropped', ' and "machines"."ownerId" is null', '', 'extra_row'),
        ('wrong direction', '"name" desc', '"name" asc', 'order'),
        ('tie broken the other way', '"id" asc', '"id" desc', 'order'),
    ),
    'machineRouter.worth': (
        ('open in place of closed', '"purchasedOn" >= :since', '"purchasedOn" > :since', 'missing_row'),
        ('cast lost to float', '"playCount" > :plays', '"playCount" > :plays::double precision', 'missing_row'),
        ('predicate dropped', '"machines"."latitude" >= :latitude', ':latitude::float8 is not null', 'extra_row'),
        ('off by one', 'limit 12', 'limit 13', 'extra_row'),
        ('wrong direction', '"purchasePrice" desc', '"purchasePrice" asc', 'missing_row+order'),
    ),
    'machineRouter.bySerial': (
        ('uuid as text', '"serial" from', '"serial"::text from', 'column_type'),
        ('negated', '= :serial', '<> :serial', 'extra_row+unstable'),
    ),
    # Its parameter comes in binary, without a type.
    'machineRouter.byQrCode': (
        ('no row', 'limit 1', 'limit 0', 'missing_row'),
        ('negated', '= :code', '<> :code', 'extra_row+unstable'),
        ('bytes as text', '"qrCode" from', 'encode("qrCode", \'hex\') as "qrCode" from', 'column_type'),
    ),
    'machineRouter.stats': (
        ('other aggregate', 'sum("purchasePrice")', 'sum(distinct "purchasePrice")', 'broken'),
        ('average off by one', 'avg("year")', 'avg("year") + 1', 'broken'),
        ('predicate dropped', ' where "machines"."organizationId" = :org', " where :org <> ''", 'null+value'),
    ),
    'machineRouter.byManufacturer': (
        ('having dropped', ' having count("machines"."year") >= :atLeast', ' having :atLeast::int > 0', 'extra_row'),
        ('NULL group lost', '"year" >= :from', '"year" >= :from and "machines"."manufacturer" is not null', 'missing_row'),
        ('wrong direction', 'asc', 'desc', 'order'),
        ('bound open', '>= :from', '> :from', 'value'),
    ),
    'machineRouter.tagged': (
        ('some became all', '&&', '@>', 'missing_row'),
        ('order of elements', '"tags" from', 'array(select t from unnest("tags") t order by t) as "tags" from', 'value'),
    ),
    'machineRouter.withIssues': (
        ('join in place of exists', 'select "id", "name" from "machines" where ("machines"."organizationId" = :org and exists (select 1 from "issues" where ("issues"."machineId" = "machines"."id" and "issues"."status" = :status)))',
         'select "machines"."id", "name" from "machines" inner join "issues" on "issues"."machineId" = "machines"."id" where "machines"."organizationId" = :org and "issues"."status" = :status', 'extra_row'),
        ('negated', 'and exists', 'and not exists', 'missing_row'),
        ('join forgotten', '"issues"."machineId" = "machines"."id" and ', '', 'extra_row'),
    ),
    'machineRouter.quiet': (
        ('NOT lost', 'not exists', 'exists', 'missing_row'),
        ('predicate dropped', ' and "issues"."assignedToId" is null', '', 'missing_row'),
        ('flag turned', '"machines"."retired" = :retired', '"machines"."retired" <> :retired', 'missing_row'),
    ),
    'issueRouter.count': (
        ('list became its first', 'in (:status)', '= (array[:status])[1]::"IssueStatus"', 'value'),
        ('NOT lost', '<> :severity', '= :severity', 'value'),
        ('predicate dropped', ' and "machines"."retired" = :retired', ' and :retired::boolean is not null', 'value'),
        ('open in place of closed', '>= :minScore', '> :minScore::float8 + 40', 'value'),
        ('rows of another table', 'inner join "machines" on "issues"."machineId" = "machines"."id"', 'inner join "machines" on "issues"."organizationId" = "machines"."organizationId"', 'value'),
    ),
    'issueRouter.search': (
        ('case matters', '"title" ilike', '"title" like', 'missing_row'),
        ('or became and', ' or ', ' and ', 'missing_row'),
        ('off by one', 'limit :take', 'limit :take + 1', 'extra_row'),
        ('wrong direction', 'asc', 'desc', 'missing_row'),
        ('cast lost', '"status"', 'lower("status"::text)', 'value'),
    ),
    'issueRouter.page': (
        ('cursor included', '> :cursor', '>= :cursor', 'missing_row'),
        ('off by one', 'limit :take', 'limit :take + 1', 'extra_row'),
        ('predicate dropped', '"issues"."organizationId" = :org', ":org <> ''", 'missing_row'),
        ('timestamptz as timestamp', '"createdAt"', '"createdAt"::timestamp', 'column_type'),
        ('microseconds lost', '"createdAt"', 'date_trunc(\'milliseconds\', "createdAt")', 'value'),
    ),
    'issueRouter.byId': (
        ('numeric as double', '"estimate"', '"estimate"::double precision', 'column_type'),
        ('JSON null', '"checklist"', 'coalesce("checklist", \'null\'::jsonb)', 'null'),
        ('another enum label', '"status"', "replace(\"status\"::text, '_', ' ')", 'value'),
        ('other number', '"number"', '-"number"', 'value'),
        ('other JSON', '"metadata"', '"metadata" #- \'{nested,a}\'', 'value'),
    ),
    'issueRouter.openOnMachine': (
        ('NOT lost', '<> :status', '= :status', 'value'),
        ('wrong relation', '"machineId" = :machine', '"machineId" >= :machine', 'value'),
    ),
    'issueRouter.createdSince': (
        ('time zone lost', ':since', "(:since::timestamptz + interval '5 hours')", 'value'),
        ('other column', '"createdAt"', '"updatedAt"', 'value'),
    ),
    'issueRouter.unassigned': (
        ('negated', '"assignedToId" is null', '"assignedToId" is not null', 'missing_row'),
        ('page pinned', 'offset :skip', 'offset 0 * :skip', 'extra_row+missing_row'),
        ('off by one', 'limit 5', 'limit 6', 'extra_row'),
        ('wrong direction', '"resolvedAt" desc', '"resolvedAt" asc', 'missing_row+order'),
    ),
    'issueRouter.urgent': (
        ('predicate dropped', ' and "issues"."status" <> \'RESOLVED\'', '', 'missing_row'),
        ('another literal', "'CRITICAL'", "'HIGH'", 'missing_row'),
        ('wrong direction', '"score" asc', '"score" desc', 'missing_row'),
        ('two rows', 'limit 1', 'limit 2', 'extra_row'),
    ),
    'issueRouter.byStatus': (
        ('alphabetical order', 'order by "issues"."status" asc', 'order by "issues"."status"::text asc', 'nothing'),
        ('group lost', 'where "issues"."organizationId" = :org', 'where "issues"."organizationId" = :org and "issues"."severity" <> \'LOW\'', 'missing_row'),
    ),
    'issueRouter.perDay': (
        ('having dropped', 'HAVING count(*) > :min', 'HAVING :min::bigint >= 0', 'missing_row'),
        ('another unit', "'day'", "'week'", 'missing_row'),
        ('average rounded', 'avg(i."estimate") AS avg_estimate', 'round(avg(i."estimate")) AS avg_estimate', 'value'),
        ('off by one', 'LIMIT 6', 'LIMIT 5', 'missing_row'),
    ),
    'issueRouter.total': (
        ('distinct', 'count(*)', 'count(distinct "machineId")', 'value'),
    ),
    'collectionRouter.sizes': (
        ('inner for left join', 'left join', 'inner join', 'missing_row'),
        ('rows in place of machines', 'count("_CollectionMachines"."B")', 'count(*)', 'value'),
        ('sort key', '"collections"."sortOrder" asc', '"collections"."sortOrder" desc', 'order'),
        ('flag dropped', '"collections"."isSmart" = :smart', ':smart::boolean is not null', 'extra_row'),
    ),
    'collectionRouter.holding': (
        ('wrong key', '"B" = :machine', '"A" = :machine', 'missing_row'),
        ('negated', '"id" in (select', '"id" not in (select', 'extra_row+missing_row'),
    ),
    'collectionRouter.ofManufacturer': (
        ('other operator', "->> 'manufacturer' =", "->> 'manufacturer' <>", 'extra_row+missing_row'),
        ('NULL in place of JSON', '"filterCriteria" from', 'nullif("filterCriteria", \'{"manufacturer":"Stern"}\') as "filterCriteria" from', 'null'),
        ('text in place of JSON', '"filterCriteria" from', '"filterCriteria"::text from', 'column_type'),
    ),
}

# The same for deploy/examples/pinpoint-operations.yaml; one of the kinds that must be found.
OPERATIONS = {
    'userRouter.getProfile': (
        ('inner for left join', 'left join "memberships"', 'inner join "memberships"', 'missing_row'),
        ('wrong pairing', '"memberships"."roleId" = "roles"."id"', '"memberships"."organizationId" = "roles"."organizationId"', 'extra_row'),
        ('one membership', 'where "users"."id" = :userId', 'where "users"."id" = :userId limit 1', 'missing_row'),
        ('roles of the admin only', '"roles"."id" where', '"roles"."id" and "roles"."name" = \'Admin\' where', 'missing_row'),
    ),
    'userRouter.profiles': (
        ('inner for left join', 'left join', 'inner join', 'missing_row'),
        ('pairing by another key', '"users"."id" = "memberships"."userId"', '"users"."id" < "memberships"."userId"', 'missing_row'),
        ('value of the child', '"memberships"."roleId" from', 'lower("memberships"."roleId") || \'x\' as "roleId" from', 'value'),
    ),
    'membershipRouter.list': (
        ('off by one', 'limit :take', 'limit :take + 1', 'extra_row'),
        ('wrong direction', '"memberships"."joinedAt" asc', '"memberships"."joinedAt" desc', 'missing_row'),
        ('pairing by another key', '"memberships"."roleId" = "roles"."id"',
         '"roles"."organizationId" = "memberships"."organizationId" and "roles"."name" = \'Admin\'', 'value'),
    ),
    'issueRouter.list': (
        ('inner for left join', 'left join "users"', 'inner join "users"', 'missing_row'),
        ('the creator for the assignee', '"issues"."assignedToId" = "users"."id"', '"issues"."createdById" = "users"."id"', 'missing_row'),
        ('page pinned', 'offset :skip', 'offset 0 * :skip', 'missing_row'),
        ('predicate dropped', ' and "issues"."severity" <> :severity', ' and :severity::text is not null', 'missing_row'),
    ),
    'issueRouter.people': (
        ('people swapped', '"issues"."createdById" = "users"."id" left join "users" "assignee" on "issues"."assignedToId" = "assignee"."id"',
         '"issues"."assignedToId" = "users"."id" left join "users" "assignee" on "issues"."createdById" = "assignee"."id"', 'missing_row'),
        ('inner for left join', 'left join', 'inner join', 'missing_row'),
        ('the creator twice', '"issues"."assignedToId" = "assignee"."id"', '"issues"."createdById" = "assignee"."id"', 'missing_row'),
    ),
    'collectionRouter.withMachines': (
        ('inner for left join', 'left join "_CollectionMachines"', 'inner join "_CollectionMachines"', 'missing_row'),
        ('pairing by another key', '"collections"."id" = "_CollectionMachines"."A"', '"collections"."id" >= "_CollectionMachines"."A"', 'missing_row'),
        ('wrong direction', '"collections"."name" asc', '"collections"."name" desc', 'order'),
    ),
}

# And for deploy/examples/pinpoint-relational.yaml.
RELATIONAL = {
    'userRouter.getProfileRelational': (
        ('a membership left out', '"users_memberships"."userId" = "users"."id"', '"users_memberships"."userId" = "users"."id" and "users_memberships"."roleId" like \'%1\'',
         'missing_row'),
        ('places swapped', '"users_memberships"."id", "users_memberships"."userId"', '"users_memberships"."userId", "users_memberships"."id"', 'missing_row'),
        ('one membership', 'from "memberships" "users_memberships"', 'from (select * from "memberships" limit 100) "users_memberships"', 'missing_row'),
        ('no role', 'limit 1) "users_memberships_role"', 'limit 0) "users_memberships_role"', 'missing_row'),
        ('zone lost', '"users_memberships"."joinedAt"', '"users_memberships"."joinedAt"::timestamp', 'value'),
        ('a column forgotten', '"users_memberships_role"."isDefault", ', '', 'column_count'),
        ('null in place of []', "'[]'::json", "'null'::json", 'null'),
    ),
    'machineRouter.ofIssue': (
        ('no machine', '"issues"."machineId" limit', '"issues"."machineId" and false limit', 'missing_row'),
        ('another machine', '"issues_machine"."id" = "issues"."machineId"', '"issues_machine"."id" > "issues"."machineId"', 'missing_row'),
        ('a column in place of another', '"issues_machine"."playCount"', '"issues_machine"."year"', 'value'),
        ('a text', '"issues_machine"."id", ', '"issues_machine"."year", ', 'column_type'),
    ),
    'machineRouter.issueLists': (
        ('order of the children', '"number" desc), ', '"number" asc), ', 'order'),
        ('order of the parents', '"machines"."id" asc', '"machines"."id" desc', 'order'),
        ('limit of the children', '"number" desc) "machines_issues")', '"number" desc limit 2) "machines_issues")', 'missing_row'),
        ('issues of others', '"machines_issues"."machineId" = "machines"."id"', '"machines_issues"."machineId" >= "machines"."id"', 'extra_row'),
        ('a rounded number', '"machines_issues"."score"', 'round("machines_issues"."score")', 'value'),
        ('updated in place of created', '"machines_issues"."createdAt"', '"machines_issues"."updatedAt"', 'value'),
    ),
}
