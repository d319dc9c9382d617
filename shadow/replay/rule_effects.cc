#include "shadow/replay/rule_effects.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "shadow/replay/catalog_reading.h"
#include "shadow/rules/concat.h"
#include "shadow/rules/side_effects.h"

namespace parallax::shadow {

namespace {

// Objects are (kind, oid): r relation, f function, o operator, t type, n type that is named (its
// casts count as well). $1 tables, $2 functions called, in lower case, $3 all names, $4 safe
// functions. Each object keeps the one in the statement that led to it, so that the reason can name
// it.
//
// What a view, a policy, an SQL body (BEGIN ATOMIC), a default argument or a domain's constraint
// calls stands in the catalog as a tree with the OIDs of functions and operators. pg_depend would
// not do: it does not record what belongs to the system (pg_advisory_lock). A body that is a string
// is read as words: each word may name a function, a table, a type. Trees and prosqlbody (from
// PostgreSQL 14 on) are read in a way that older servers understand.
constexpr std::string_view kRoots =
    R"(SELECT 'r' AS kind, c.oid FROM pg_catalog.unnest($1::pg_catalog.text[]) AS t(name)
  JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(t.name)
UNION SELECT 'f', p.oid FROM pg_catalog.pg_proc p
  WHERE pg_catalog.lower(p.proname::pg_catalog.text) = ANY ($2::pg_catalog.text[])
UNION SELECT 'f', p.oid FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_type a ON a.oid = p.proargtypes[0]
  WHERE p.proname = ANY ($3::pg_catalog.name[]) AND a.typtype IN ('c', 'd', 'p')
  AND p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace
UNION SELECT 'o', o.oid FROM pg_catalog.pg_operator o
  WHERE o.oprnamespace <> 'pg_catalog'::pg_catalog.regnamespace
  AND (o.oprname = ANY ($3::pg_catalog.name[]) OR o.oprname IN ('=', '<>', '<', '>', '<=', '>='))
UNION SELECT 'n', t.oid FROM pg_catalog.pg_type t WHERE t.typname = ANY ($3::pg_catalog.name[]))";

// Types that take part in the statement, as far as names tell.
constexpr std::string_view kTypes =
    R"(SELECT n.oid FROM named n WHERE n.kind = 'n'
UNION SELECT a.atttypid FROM named n JOIN pg_catalog.pg_attribute a ON a.attrelid = n.oid
  WHERE n.kind = 'r' AND a.attnum > 0
UNION SELECT part.oid FROM named n JOIN pg_catalog.pg_proc p ON p.oid = n.oid
  CROSS JOIN LATERAL pg_catalog.unnest(p.proargtypes::pg_catalog.oid[] || p.prorettype)
  AS part(oid) WHERE n.kind = 'f')";

// Casts that are made without being written: between two of these types, or between one of them and
// a type of the system, which literals and expressions have.
constexpr std::string_view kImplicitCasts =
    R"(SELECT 'f', k.castfunc FROM pg_catalog.pg_cast k
  JOIN pg_catalog.pg_proc p ON p.oid = k.castfunc
  JOIN pg_catalog.pg_type s ON s.oid = k.castsource
  JOIN pg_catalog.pg_type t ON t.oid = k.casttarget
  WHERE k.castcontext = 'i' AND p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace
  AND (s.oid IN (SELECT y.oid FROM types y) OR t.oid IN (SELECT y.oid FROM types y))
  AND (s.oid IN (SELECT y.oid FROM types y)
    OR s.typnamespace = 'pg_catalog'::pg_catalog.regnamespace)
  AND (t.oid IN (SELECT y.oid FROM types y)
    OR t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace))";

constexpr std::string_view kTrees =
    R"(SELECT w.ev_action::pg_catalog.text FROM pg_catalog.pg_rewrite w
  JOIN pg_catalog.pg_class c ON c.oid = w.ev_class
  WHERE u.kind = 'r' AND w.ev_class = u.oid AND c.relkind = 'v' AND w.ev_type = '1'
UNION ALL SELECT y.polqual::pg_catalog.text FROM pg_catalog.pg_policy y
  JOIN pg_catalog.pg_class c ON c.oid = y.polrelid
  WHERE u.kind = 'r' AND y.polrelid = u.oid AND c.relrowsecurity AND y.polcmd IN ('r', '*')
UNION ALL SELECT pg_catalog.concat(p.proargdefaults::pg_catalog.text,
    pg_catalog.to_jsonb(p) ->> 'prosqlbody')
  FROM pg_catalog.pg_proc p WHERE u.kind = 'f' AND p.oid = u.oid
UNION ALL SELECT k.conbin::pg_catalog.text FROM pg_catalog.pg_constraint k
  WHERE u.kind IN ('t', 'n') AND k.contypid = u.oid)";

constexpr std::string_view kParts =
    R"(SELECT 'r', i.inhrelid FROM pg_catalog.pg_inherits i WHERE u.kind = 'r' AND i.inhparent = u.oid
UNION ALL SELECT 'f', o.oprcode::pg_catalog.oid FROM pg_catalog.pg_operator o
  WHERE u.kind = 'o' AND o.oid = u.oid
UNION ALL SELECT 'f', part.oid FROM pg_catalog.pg_aggregate a
  CROSS JOIN LATERAL pg_catalog.unnest(ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn,
    a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn
    ]::pg_catalog.oid[]) AS part(oid) WHERE u.kind = 'f' AND a.aggfnoid = u.oid
UNION ALL SELECT part.kind, part.oid FROM pg_catalog.pg_type t
  CROSS JOIN LATERAL (VALUES ('t', t.typbasetype), ('t', t.typelem),
    ('f', t.typinput::pg_catalog.oid), ('f', t.typoutput::pg_catalog.oid)) AS part(kind, oid)
  WHERE u.kind IN ('t', 'n') AND t.oid = u.oid
UNION ALL SELECT 'f', k.castfunc FROM pg_catalog.pg_cast k
  WHERE u.kind = 'n' AND k.casttarget = u.oid
UNION ALL SELECT 'f', k.castfunc FROM pg_catalog.pg_cast k
  WHERE u.kind = 'n' AND k.castsource = u.oid)";

// Words of a body; `called`: a parenthesis follows.
constexpr std::string_view kBodies =
    R"(SELECT part.kind, part.oid FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname IN ('sql', 'plpgsql')
  CROSS JOIN LATERAL (SELECT DISTINCT CASE WHEN w.found[1] LIKE '"%'
      THEN pg_catalog.btrim(w.found[1], '"') ELSE pg_catalog.lower(w.found[1])
      END::pg_catalog.name AS word, w.found[2] <> '' AS called
    FROM pg_catalog.regexp_matches(p.prosrc,
      '("[^"]+"|[[:alpha:]_][[:alnum:]_$]*)(\s*\()?', 'g') AS w(found)) AS word
  CROSS JOIN LATERAL (SELECT 'f' AS kind, f.oid FROM pg_catalog.pg_proc f
      WHERE f.proname = word.word AND (word.called
        OR f.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace
        AND f.prorettype NOT IN ('pg_catalog.trigger'::pg_catalog.regtype,
          'pg_catalog.event_trigger'::pg_catalog.regtype))
    UNION ALL SELECT 'r', c.oid FROM pg_catalog.pg_class c
      WHERE c.relname = word.word AND c.relkind IN ('r', 'p', 'v', 'f')
      AND c.relnamespace <> 'pg_catalog'::pg_catalog.regnamespace
    UNION ALL SELECT 'n', t.oid FROM pg_catalog.pg_type t WHERE t.typname = word.word
      AND t.typtype <> 'c' AND t.typnamespace <> 'pg_catalog'::pg_catalog.regnamespace) AS part
  WHERE u.kind = 'f' AND p.oid = u.oid
  AND p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace
UNION ALL SELECT 'o', o.oid FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname IN ('sql', 'plpgsql')
  JOIN pg_catalog.pg_operator o ON pg_catalog.strpos(p.prosrc, o.oprname::pg_catalog.text) > 0
  WHERE u.kind = 'f' AND p.oid = u.oid
  AND p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace
  AND o.oprnamespace <> 'pg_catalog'::pg_catalog.regnamespace)";

// What is found: (what, name, the object of the statement that it is behind or NULL).
constexpr std::string_view kFindings =
    R"(SELECT CASE WHEN p.provolatile = 'v' THEN 'volatile'
    WHEN l.lanname NOT IN ('internal', 'c', 'sql', 'plpgsql') THEN 'language'
    WHEN l.lanname IN ('sql', 'plpgsql') AND (p.prosrc ~* '\mexecute\M' OR p.prosrc ~* 'u&"')
      THEN 'dynamic' ELSE 'called' END,
  p.proname, CASE WHEN u.root_kind <> 'f' OR u.root <> u.oid THEN CASE u.root_kind
    WHEN 'r' THEN 'relation ' || u.root::pg_catalog.regclass::pg_catalog.text
    WHEN 'f' THEN 'function ' || u.root::pg_catalog.regproc::pg_catalog.text
    WHEN 'o' THEN 'operator ' || u.root::pg_catalog.regoper::pg_catalog.text
    ELSE 'type ' || u.root::pg_catalog.regtype::pg_catalog.text END END
  FROM used u JOIN pg_catalog.pg_proc p ON p.oid = u.oid AND u.kind = 'f'
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang
UNION ALL SELECT 'foreign', c.oid::pg_catalog.regclass::pg_catalog.text,
  CASE WHEN u.root <> u.oid THEN CASE u.root_kind
    WHEN 'r' THEN 'relation ' || u.root::pg_catalog.regclass::pg_catalog.text
    ELSE 'function ' || u.root::pg_catalog.regproc::pg_catalog.text END END
  FROM used u JOIN pg_catalog.pg_class c ON c.oid = u.oid AND u.kind = 'r' AND c.relkind = 'f'
UNION ALL SELECT 'locks', c.oid::pg_catalog.regclass::pg_catalog.text, NULL
  FROM used u JOIN pg_catalog.pg_class c ON c.oid = u.oid AND u.kind = 'r' AND c.relkind = 'v'
  JOIN pg_catalog.pg_rewrite w ON w.ev_class = c.oid AND w.ev_type = '1'
  AND w.ev_action::pg_catalog.text LIKE '%{ROWMARKCLAUSE%'
ORDER BY 1, 2, 3)";

const std::string& effects_sql() {
  static const std::string sql = [] {
    std::string text =
        "WITH RECURSIVE safe(oid) AS (SELECT p.oid FROM pg_catalog.pg_proc p JOIN "
        "pg_catalog.pg_namespace s ON s.oid = p.pronamespace WHERE s.nspname <> 'pg_catalog' AND "
        "(p.proname::pg_catalog.text = ANY ($4::pg_catalog.text[]) OR "
        "pg_catalog.concat(s.nspname, '.', p.proname) = ANY ($4::pg_catalog.text[]))),\nnamed AS (";
    text.append(kRoots).append("),\ntypes(oid) AS (").append(kTypes);
    text.append("),\nroots AS (SELECT * FROM named UNION ");
    text.append(kImplicitCasts);
    text.append(
        "),\nused(kind, oid, root_kind, root) AS (SELECT r.kind, r.oid, r.kind, r.oid FROM roots r "
        "WHERE r.kind <> 'f' OR r.oid NOT IN (SELECT s.oid FROM safe s)\nUNION SELECT part.kind, "
        "part.oid, u.root_kind, u.root FROM used u CROSS JOIN LATERAL (SELECT CASE m.found[1] WHEN "
        "'relid' THEN 'r' WHEN 'opno' THEN 'o' WHEN 'resulttype' THEN 't' ELSE 'f' END AS kind, "
        "m.found[2]::pg_catalog.oid AS oid FROM (");
    text.append(kTrees).append(
        ") AS tree(text) CROSS JOIN LATERAL pg_catalog.regexp_matches(tree.text, "
        "':(funcid|opfuncid|aggfnoid|winfnoid|opno|relid|resulttype) ([0-9]+)', 'g') AS m(found)\n"
        "UNION ALL ");
    text.append(kParts).append("\nUNION ALL ").append(kBodies);
    text.append(
        ") AS part WHERE part.oid <> 0 AND (part.kind <> 'f' OR part.oid NOT IN (SELECT s.oid FROM "
        "safe s)))\n");
    return text.append(kFindings);
  }();
  return sql;
}

std::string in_lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// ", which relation app.users uses,"
std::string behind(const std::string& root) {
  return root.empty() ? std::string() : ", behind " + root + ",";
}

}  // namespace

TransactionStep effects_step(const Rule& rule, const std::set<std::string>& safe_functions) {
  std::vector<std::string> functions;
  // Names that differ in case alone are taken together.
  for (const auto& name : rule.functions) functions.push_back(in_lower_case(name));
  return {TransactionStep::Kind::query,
          effects_sql(),
          {array_of(rule.tables), array_of(functions), array_of(rule.names),
           array_of({safe_functions.begin(), safe_functions.end()})}};
}

std::string effects_problem(const ResultSet& rows) {
  static const std::string safe = "list it under `shadow.safe_functions` if it only reads";
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const auto what = text_of(rows, row, 0);
    const auto name = text_of(rows, row, 1);
    const auto where = behind(text_of(rows, row, 2));
    if (what == "foreign") {
      return concat(
          {"foreign table ", name, where, " is on another server, where nothing is read-only"});
    }
    if (what == "locks")
      return concat({"view ", name, " locks the rows that it reads (FOR UPDATE, ...)"});
    const auto function = concat({"function ", name, where});
    if (has_side_effects(in_lower_case(name))) {
      return concat({function, " has effects that a rollback does not undo"});
    }
    if (what == "volatile") {
      return concat({function,
                     " is volatile: a replay could change something, or give another value each "
                     "time; declare it STABLE or ",
                     safe});
    }
    if (what == "language") {
      return concat({function, " is in a language that cannot be looked into; ", safe});
    }
    if (what == "dynamic")
      return concat({function, " makes up SQL when it runs (EXECUTE); ", safe});
  }
  return {};
}

}  // namespace parallax::shadow
