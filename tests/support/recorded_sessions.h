#pragma once

// Sessions with the events that a conversation must make of them: one for each rule that is easy to
// get wrong. Used by the conversation tests (also with every split of every step) and as seeds of
// the conversation fuzzer.

#include <string>
#include <vector>

#include "tests/support/conversation_recorder.h"

namespace parallax::test {

struct RecordedSession {
  std::string name;
  Session steps;  // step 1 is the session's start (be::session_start), these follow
  std::vector<std::string> events;  // without those of the start
  bool idle = true;                 // Conversation::idle() at the end
  bool lost = false;
};

// Step 1, then the session's own.
inline Session with_start(const RecordedSession& recorded) {
  Session session{server(be::session_start())};
  session.insert(session.end(), recorded.steps.begin(), recorded.steps.end());
  return session;
}

// A Parse, Bind, Execute of the unnamed statement and portal, without Sync; and its answers.
inline std::string pbe(std::string_view sql, const Values& values = {}) {
  return fe::parse("", sql) + fe::bind("", "", values) + fe::execute();
}
inline std::string pbe_done(std::string_view tag) {
  return be::parse_complete() + be::bind_complete() + be::command_complete(tag);
}
inline std::string row(std::string_view value) { return be::data_row({std::string(value)}); }
inline std::string columns() { return be::row_description({{"a"}}); }

inline std::vector<RecordedSession> simple_query_sessions() {
  return {
      {"simple query",
       {client(fe::query("select 1")),
        server(columns() + row("1") + be::command_complete("SELECT 1") + be::ready('I'))},
       {"query {select 1}", "completed simple first {select 1} [SELECT 1] I 2-3", "ready I"}},
      {"several results of one simple query",
       {client(fe::query("begin; select 1; ; commit")),
        server(be::command_complete("BEGIN") + columns() + row("1") +
               be::command_complete("SELECT 1")),
        server(be::command_complete("COMMIT") + be::ready('I'))},
       {"query {begin; select 1; ; commit}",
        "completed simple first {begin; select 1; ; commit} [BEGIN] I 2-3",
        "completed simple later {begin; select 1; ; commit} [SELECT 1] I 2-3",
        "completed simple later {begin; select 1; ; commit} [COMMIT] I 2-4", "ready I"}},
      {"error in the second statement of a simple query",
       {client(fe::query("select 1; x; select 2")),
        server(columns() + row("1") + be::command_complete("SELECT 1") + be::error("42601") +
               be::ready('I'))},
       {"query {select 1; x; select 2}",
        "completed simple first {select 1; x; select 2} [SELECT 1] I 2-3",
        "failed simple later {select 1; x; select 2} [42601] I 2-3", "ready I"}},
      {"error of a simple query, among rows",
       {client(fe::query("select 1/x from t")),
        server(columns() + row("1") + be::error("22012") + be::ready('I'))},
       {"query {select 1/x from t}", "failed simple first {select 1/x from t} [22012] I 2-3",
        "ready I"}},
      {"pipelined simple queries",
       {client(fe::query("a") + fe::query("b")), server(be::command_complete("A")),
        server(be::ready('T') + be::error("XX000", "failed")), server(be::ready('E'))},
       {"query {a}", "query {b}", "completed simple first {a} [A] I 2-3", "ready T",
        "failed simple first {b} [XX000] T 2-4", "ready E"},
       false},
      {"empty query, simple and extended",
       {client(fe::query(";") + pbe("") + fe::sync()),
        server(be::empty_query() + be::ready('I') + be::parse_complete() + be::bind_complete() +
               be::empty_query() + be::ready('I'))},
       {"query {;}", "parse {}", "bind {}()", "empty simple first {;} [] I 2-3", "ready I",
        "empty extended first {}() [] I 2-3", "ready I"}},
      {"error without SQLSTATE",
       {client(fe::query("a")), server(message('E', z("Sx") + z("My") + z("")) + be::ready('I'))},
       {"query {a}", "failed simple first {a} [] I 2-3", "ready I"}},
      {"FATAL in answer to a query, then a second error",
       {client(fe::query("a")), server(be::error("57014") + be::error("57P01", "bye", "FATAL"))},
       {"query {a}", "failed simple first {a} [57014] I 2-3"},
       false},
      {"function call",
       {client(fe::function_call(1) + fe::function_call(2) + fe::query("a")),
        server(be::parameter_status("TimeZone", "UTC") + be::function_result("x") + be::ready('I')),
        server(be::error("42501") + be::ready('I') + be::command_complete("A") + be::ready('I'))},
       {"query {a}", "parameter TimeZone=UTC", "ready I", "ready I",
        "completed simple first {a} [A] I 2-4", "ready I"}},
      {"asynchronous messages at idle and between any two answers",
       {server(be::notification(1, "c", "p") + be::parameter_status("a", "1") + be::notice("n")),
        client(pbe("x") + fe::sync() + fe::query("y")),
        server(be::notice("n") + be::parse_complete() + be::notice("n") + be::notice("n") +
               be::bind_complete() + be::parameter_status("b", "2") + row("1") +
               be::notification(1, "c", "p") + row("2") + be::parameter_status("c", "3") +
               be::command_complete("SELECT 2") + be::notice("n") + be::ready('I') +
               be::notice("n") + columns() + be::notice("n") + row("1") + be::notice("n") +
               be::command_complete("SELECT 1") + be::notice("n") + be::ready('I') +
               be::notice("n"))},
       {"parameter a=1", "parse {x}", "bind {x}()", "query {y}", "parameter b=2", "parameter c=3",
        "completed extended first {x}() [SELECT 2] I 3-4", "ready I",
        "completed simple first {y} [SELECT 1] I 3-4", "ready I"}},
      {"two ParameterStatus of one pipelined segment",
       {client(fe::query("set application_name='a'") + fe::query("set datestyle='German'")),
        server(be::parameter_status("application_name", "a") + be::command_complete("SET") +
               be::ready('I') + be::parameter_status("DateStyle", "German") +
               be::command_complete("SET") + be::ready('I'))},
       {"query {set application_name='a'}", "query {set datestyle='German'}",
        "parameter application_name=a",
        "completed simple first {set application_name='a'} [SET] I 2-3", "ready I",
        "parameter DateStyle=German", "completed simple first {set datestyle='German'} [SET] I 2-3",
        "ready I"}},
      {"unsolicited FATAL at idle",
       {server(be::error("57P01", "terminating connection due to administrator command", "FATAL"))},
       {}},
  };
}

inline std::vector<RecordedSession> extended_query_sessions() {
  return {
      {"extended query with everything",
       {client(fe::parse("", "select $1", {23}) + fe::describe_statement("") + fe::flush()),
        server(be::parse_complete() + be::parameter_description({23}) + columns()),
        client(fe::bind("", "", {"5"}, {1}) + fe::describe_portal("") + fe::execute() +
               fe::close_portal("") + fe::sync()),
        server(be::bind_complete() + columns() + row("5") + be::command_complete("SELECT 1") +
               be::close_complete() + be::ready('I'))},
       {"parse {select $1}", "bind {select $1}(5:b)",
        "completed extended first {select $1}(5:b) [SELECT 1] I 4-5", "ready I"}},
      {"describe of a statement without rows",
       {client(fe::parse("", "begin") + fe::describe_statement("") + fe::bind("", "") +
               fe::describe_portal("") + fe::execute() + fe::sync()),
        server(be::parse_complete() + be::parameter_description() + be::no_data() +
               be::bind_complete() + be::no_data() + be::command_complete("BEGIN") +
               be::ready('T'))},
       {"parse {begin}", "bind {begin}()", "completed extended first {begin}() [BEGIN] I 2-3",
        "ready T"},
       false},
      {"named statement, bound again and again, answers in pieces",
       {client(fe::parse("s1", "select $1") + fe::bind("", "s1", {"1"}) + fe::execute() +
               fe::bind("", "s1", {{}}) + fe::execute() + fe::sync()),
        server(be::parse_complete() + be::bind_complete() + row("1") +
               be::command_complete("SELECT 1")),
        client(fe::bind("", "s1", {"3"}) + fe::execute() + fe::sync()),
        server(be::bind_complete() + row("") + be::command_complete("SELECT 1") + be::ready('I')),
        server(be::bind_complete() + row("3") + be::command_complete("SELECT 1") + be::ready('I'))},
       {"parse s1{select $1}", "bind {select $1}(1)", "bind {select $1}(null)",
        "completed extended first {select $1}(1) [SELECT 1] I 2-3", "bind {select $1}(3)",
        "completed extended first {select $1}(null) [SELECT 1] I 2-5", "ready I",
        "completed extended first {select $1}(3) [SELECT 1] I 4-6", "ready I"}},
      {"portal executed in parts",
       {client(fe::query("begin")), server(be::command_complete("BEGIN") + be::ready('T')),
        client(fe::parse("", "q") + fe::bind("c1", "") + fe::execute("c1", 2) + fe::sync()),
        server(be::parse_complete() + be::bind_complete() + row("1") + row("2") +
               be::portal_suspended() + be::ready('T')),
        client(fe::parse("", "r") + fe::bind("", "") + fe::execute() + fe::execute("c1", 2) +
               fe::sync()),
        server(be::parse_complete() + be::bind_complete() + be::command_complete("R") + row("3") +
               be::command_complete("SELECT 1") + be::ready('T')),
        client(fe::close_portal("c1") + fe::execute("c1") + fe::sync()),
        server(be::close_complete() + be::error("34000") + be::ready('E'))},
       {"query {begin}", "completed simple first {begin} [BEGIN] I 2-3", "ready T", "parse {q}",
        "bind c1{q}()", "suspended extended first {q}() [] T 4-5", "ready T", "parse {r}",
        "bind {r}()", "completed extended first {r}() [R] T 6-7",
        "completed extended later {q}() [SELECT 1] T 6-7", "ready T",
        "failed extended first ? [34000] T 8-9", "ready E"},
       false},
      {"portals end with their transaction",
       {client(fe::parse("s", "q") + fe::bind("p", "s") + fe::execute("p", 1) + fe::sync()),
        server(be::parse_complete() + be::bind_complete() + row("1") + be::portal_suspended() +
               be::ready('I')),
        client(fe::execute("p", 1) + fe::sync()), server(be::error("34000") + be::ready('I'))},
       {"parse s{q}", "bind p{q}()", "suspended extended first {q}() [] I 2-3", "ready I",
        "failed extended first ? [34000] I 4-5", "ready I"}},
      {"a simple query drops the unnamed statement and portal",
       {client(fe::query("begin")), server(be::command_complete("BEGIN") + be::ready('T')),
        client(pbe("q") + fe::sync()), server(pbe_done("Q") + be::ready('T')),
        client(fe::query("select 1")), server(be::command_complete("SELECT 1") + be::ready('T')),
        client(fe::execute() + fe::sync()), server(be::error("34000") + be::ready('E')),
        client(fe::query("rollback") + fe::bind("", "") + fe::execute() + fe::sync()),
        server(be::command_complete("ROLLBACK") + be::ready('I') + be::error("26000") +
               be::ready('I'))},
       {"query {begin}", "completed simple first {begin} [BEGIN] I 2-3", "ready T", "parse {q}",
        "bind {q}()", "completed extended first {q}() [Q] T 4-5", "ready T", "query {select 1}",
        "completed simple first {select 1} [SELECT 1] T 6-7", "ready T",
        "failed extended first ? [34000] T 8-9", "ready E", "query {rollback}",
        "completed simple first {rollback} [ROLLBACK] E 10-11", "ready I",
        "failed extended first ? [26000] I 10-11", "ready I"}},
      {"statement closed, then bound",
       {client(fe::parse("s", "q") + fe::sync()), server(be::parse_complete() + be::ready('I')),
        client(fe::close_statement("s") + fe::close_statement("never") + fe::bind("", "s") +
               fe::execute() + fe::sync()),
        server(be::close_complete() + be::close_complete() + be::error("26000") + be::ready('I'))},
       {"parse s{q}", "ready I", "failed extended first ? [26000] I 4-5", "ready I"}},
      {"statement closed and prepared anew in one segment",
       {client(fe::parse("s", "old") + fe::sync()), server(be::parse_complete() + be::ready('I')),
        client(fe::close_statement("s") + fe::parse("s", "new") + fe::bind("", "s") +
               fe::execute() + fe::sync()),
        server(be::close_complete() + pbe_done("NEW") + be::ready('I'))},
       {"parse s{old}", "ready I", "parse s{new}", "bind {new}()",
        "completed extended first {new}() [NEW] I 4-5", "ready I"}},
      {"DEALLOCATE ALL and DISCARD ALL forget all names",
       {client(fe::parse("s", "q") + fe::sync() + fe::query("DEALLOCATE ALL")),
        server(be::parse_complete() + be::ready('I') + be::command_complete("DEALLOCATE ALL") +
               be::ready('I')),
        client(fe::bind("", "s") + fe::execute() + fe::sync()),
        server(be::bind_complete() + be::command_complete("Q") + be::ready('I')),
        client(fe::parse("s", "q2") + fe::sync() + pbe("DISCARD ALL") + fe::sync()),
        server(be::parse_complete() + be::ready('I') + pbe_done("DISCARD ALL") + be::ready('I')),
        client(fe::bind("", "s") + fe::execute() + fe::sync()),
        server(be::bind_complete() + be::command_complete("Q2") + be::ready('I'))},
       {"parse s{q}", "query {DEALLOCATE ALL}", "ready I",
        "completed simple first {DEALLOCATE ALL} [DEALLOCATE ALL] I 2-3", "ready I",
        "completed extended first ? [Q] I 4-5", "ready I", "parse s{q2}", "parse {DISCARD ALL}",
        "bind {DISCARD ALL}()", "ready I",
        "completed extended first {DISCARD ALL}() [DISCARD ALL] I 6-7", "ready I",
        "completed extended first ? [Q2] I 8-9", "ready I"}},
      {"a Bind that passed before DEALLOCATE was answered is not trusted",
       {client(fe::parse("s", "q") + fe::sync()), server(be::parse_complete() + be::ready('I')),
        client(fe::query("DEALLOCATE s; PREPARE s AS other") + fe::bind("", "s") + fe::execute() +
               fe::sync()),
        server(be::command_complete("DEALLOCATE") + be::command_complete("PREPARE") +
               be::ready('I') + be::bind_complete() + be::command_complete("OTHER") +
               be::ready('I'))},
       {"parse s{q}", "ready I", "query {DEALLOCATE s; PREPARE s AS other}", "bind {q}()",
        "completed simple first {DEALLOCATE s; PREPARE s AS other} [DEALLOCATE] I 4-5",
        "completed simple later {DEALLOCATE s; PREPARE s AS other} [PREPARE] I 4-5", "ready I",
        "completed extended first ? [OTHER] I 4-5", "ready I"}},
      {"unknown statement, and one without a note",
       {client(fe::bind("", "elsewhere") + fe::execute() + pbe("-- no note") + fe::sync()),
        server(be::bind_complete() + be::command_complete("A") + pbe_done("B") + be::ready('I'))},
       {"parse {-- no note}", "completed extended first ? [A] I 2-3",
        "completed extended first ? [B] I 2-3", "ready I"}},
  };
}

}  // namespace parallax::test
