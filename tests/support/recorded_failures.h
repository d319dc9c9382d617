#pragma once

// More recorded sessions: errors in pipelines, COPY, and what makes a conversation lost.

#include <string>
#include <vector>

#include "tests/support/recorded_sessions.h"

namespace parallax::test {

inline std::vector<RecordedSession> failed_pipeline_sessions() {
  return {
      {"error in a pipeline skips to the Sync",
       {client(pbe("a") + pbe("b", {"1"}) + pbe("c") + fe::query("d") + fe::sync() + pbe("e") +
               fe::sync()),
        server(pbe_done("A") + be::parse_complete() + be::bind_complete() + row("1") +
               be::error("22012") + be::ready('I') + pbe_done("E") + be::ready('I'))},
       {"parse {a}", "bind {a}()", "parse {b}", "bind {b}(1)", "parse {c}", "bind {c}()",
        "query {d}", "parse {e}", "bind {e}()", "completed extended first {a}() [A] I 2-3",
        "failed extended first {b}(1) [22012] I 2-3", "ready I",
        "completed extended first {e}() [E] I 2-3", "ready I"}},
      {"what comes after the error and before the Sync is ignored",
       {client(pbe("a")), server(be::parse_complete() + be::bind_complete() + be::error("22012")),
        client(pbe("b") + fe::query("c") + fe::describe_portal("") + fe::close_portal("") +
               fe::function_call(1) + fe::flush()),
        client(fe::sync() + fe::query("d")),
        server(be::ready('E') + be::error("25P02") + be::ready('E'))},
       {"parse {a}", "bind {a}()", "failed extended first {a}() [22012] I 2-3", "query {d}",
        "ready E", "failed simple first {d} [25P02] E 5-6", "ready E"},
       false},
      {"failed Parse: the event belongs to the Execute it led to",
       {client(fe::parse("s1", "bad") + fe::describe_statement("s1") + fe::bind("", "s1", {"1"}) +
               fe::describe_portal("") + fe::execute() + fe::execute() + fe::sync()),
        server(be::error("42P01")), server(be::ready('I'))},
       {"parse s1{bad}", "bind {bad}(1)", "failed extended first {bad}(1) [42P01] I 2-3",
        "ready I"}},
      {"failed Bind",
       {client(fe::parse("s", "q") + fe::sync()), server(be::parse_complete() + be::ready('I')),
        client(fe::bind("", "s", {"x"}) + fe::execute() + fe::bind("", "s", {"2"}) + fe::execute() +
               fe::sync()),
        server(be::error("22P02") + be::ready('I'))},
       {"parse s{q}", "ready I", "bind {q}(x)", "bind {q}(2)",
        "failed extended first {q}(x) [22P02] I 4-5", "ready I"}},
      {"failed Describe of a portal, of a statement",
       {client(fe::parse("s", "q") + fe::bind("p", "s", {"1"}) + fe::describe_portal("p") +
               fe::execute("p") + fe::sync() + fe::describe_statement("s") +
               fe::bind("", "s", {"2"}) + fe::execute() + fe::sync()),
        server(be::parse_complete() + be::bind_complete() + be::error("0A000") + be::ready('I')),
        server(be::error("0A001") + be::ready('I'))},
       {"parse s{q}", "bind p{q}(1)", "bind {q}(2)", "failed extended first {q}(1) [0A000] I 2-3",
        "ready I", "failed extended first {q}(2) [0A001] I 2-4", "ready I"}},
      {"failed Parse that led to no Execute, or to another one's",
       {client(fe::parse("s", "bad") + fe::describe_statement("s") + fe::sync()),
        server(be::error("42601") + be::ready('I')), client(fe::parse("t", "good") + fe::sync()),
        server(be::parse_complete() + be::ready('I')),
        client(fe::parse("s", "bad") + fe::bind("", "t") + fe::execute() + fe::bind("", "s") +
               fe::execute() + fe::sync()),
        server(be::error("42601") + be::ready('I'))},
       {"parse s{bad}", "ready I", "parse t{good}", "ready I", "parse s{bad}", "bind {good}()",
        "bind {bad}()", "ready I"}},
      {"the Execute arrives after the error",
       {client(fe::parse("", "bad")), server(be::error("42601")),
        client(fe::bind("", "", {"7"}) + fe::execute()), client(pbe("ignored") + fe::sync()),
        server(be::ready('I'))},
       {"parse {bad}", "bind {bad}(7)", "failed extended first {bad}(7) [42601] I 4-4", "ready I"}},
      {"after the error another statement is prepared and executed",
       {client(fe::parse("", "bad")), server(be::error("42601")),
        client(pbe("other") + fe::sync() + pbe("c")), client(fe::sync()),
        server(be::ready('I') + pbe_done("C") + be::ready('I'))},
       {"parse {bad}", "parse {c}", "bind {c}()", "ready I",
        "completed extended first {c}() [C] I 4-6", "ready I"}},
      {"failed Parse, then Bind of the same name: no stale SQL",
       {client(fe::parse("s1", "bad") + fe::sync()), server(be::error("42601") + be::ready('I')),
        client(fe::bind("", "s1") + fe::execute() + fe::sync()),
        server(be::bind_complete() + be::command_complete("X") + be::ready('I'))},
       {"parse s1{bad}", "ready I", "completed extended first ? [X] I 4-5", "ready I"}},
      {"failed second Parse of a name leaves the first",
       {client(fe::parse("s1", "one") + fe::sync()), server(be::parse_complete() + be::ready('I')),
        client(fe::parse("s1", "two") + fe::sync()), server(be::error("42P05") + be::ready('I')),
        client(fe::bind("", "s1") + fe::execute() + fe::sync()),
        server(be::bind_complete() + be::command_complete("ONE") + be::ready('I'))},
       {"parse s1{one}", "ready I", "parse s1{two}", "ready I", "bind {one}()",
        "completed extended first {one}() [ONE] I 6-7", "ready I"}},
      {"a Bind pipelined in the unit after a failed Parse of its name is not trusted",
       {client(fe::parse("s1", "one") + fe::sync()), server(be::parse_complete() + be::ready('I')),
        client(fe::parse("s1", "two") + fe::sync() + fe::bind("", "s1") + fe::execute() +
               fe::sync()),
        server(be::error("42P05") + be::ready('I') + be::bind_complete() +
               be::command_complete("ONE") + be::ready('I'))},
       {"parse s1{one}", "ready I", "parse s1{two}", "bind {two}()", "ready I",
        "completed extended first ? [ONE] I 4-5", "ready I"}},
      {"a failed unnamed Parse has dropped the unnamed statement",
       {client(fe::parse("", "one") + fe::sync()), server(be::parse_complete() + be::ready('I')),
        client(fe::parse("", "bad") + fe::sync()), server(be::error("42601") + be::ready('I')),
        client(fe::bind("", "") + fe::execute() + fe::sync()),
        server(be::error("26000") + be::ready('I'))},
       {"parse {one}", "ready I", "parse {bad}", "ready I", "failed extended first ? [26000] I 6-7",
        "ready I"}},
      {"skipped Parse, Close and Query change no name",
       {client(fe::parse("s", "q") + fe::parse("", "u") + fe::sync()),
        server(be::parse_complete() + be::parse_complete() + be::ready('I')),
        client(fe::parse("x", "bad") + fe::parse("s", "q2") + fe::close_statement("s") +
               fe::query("z") + fe::sync()),
        server(be::error("42601") + be::ready('I')),
        client(fe::bind("", "s") + fe::execute() + fe::bind("", "") + fe::execute() + fe::sync()),
        server(be::bind_complete() + be::command_complete("Q") + be::bind_complete() +
               be::command_complete("U") + be::ready('I'))},
       {"parse s{q}", "parse {u}", "ready I", "parse x{bad}", "parse s{q2}", "query {z}", "ready I",
        "bind {q}()", "bind {u}()", "completed extended first {q}() [Q] I 6-7",
        "completed extended first {u}() [U] I 6-7", "ready I"}},
      {"error at Sync: the commit failed",
       {client(pbe("insert") + fe::sync()),
        server(pbe_done("INSERT 0 1") + be::error("23503") + be::ready('I'))},
       {"parse {insert}", "bind {insert}()",
        "completed extended first {insert}() [INSERT 0 1] I 2-3", "ready I"}},
      {"malformed requests get an error, not lost sync",
       {client(message('Q', "no end") + message('P', "x") + fe::sync()),
        server(be::error("08P01") + be::ready('I') + be::error("08P01") + be::ready('I')),
        client(fe::parse("", "q") + message('B', z("") + z("") + u16(9)) + fe::execute() +
               message('D', "X") + message('C', "X") + fe::sync()),
        server(be::parse_complete() + be::error("08P01") + be::ready('I'))},
       {"failed simple first ? [08P01] I 2-3", "ready I", "ready I", "parse {q}",
        "failed extended first {q} [08P01] I 4-5", "ready I"}},
  };
}

inline std::vector<RecordedSession> copy_sessions() {
  const std::string data = fe::copy_data("1\n") + fe::copy_data("2\n");
  return {
      {"COPY IN by simple query, then another query",
       {client(fe::query("copy t from stdin")), server(be::copy_in()),
        client(data + fe::copy_done() + fe::query("x")),
        server(be::notice("n") + be::command_complete("COPY 2") + be::ready('I') +
               be::command_complete("X") + be::ready('I'))},
       {"query {copy t from stdin}", "query {x}",
        "completed simple first {copy t from stdin} [COPY 2] I 2-5", "ready I",
        "completed simple first {x} [X] I 4-5", "ready I"}},
      {"two COPY IN and a COPY OUT in one simple query, all sent at once",
       {client(fe::query("copies") + data + fe::copy_done() + data + fe::sync() + fe::copy_done() +
               fe::query("x")),
        server(be::copy_in() + be::command_complete("COPY 2") + be::copy_in() +
               be::command_complete("COPY 3") + be::copy_out() + be::copy_data("1") +
               be::notice("n") + be::copy_data("2") + be::copy_done() +
               be::command_complete("COPY 4") + be::ready('I') + be::command_complete("X") +
               be::ready('I'))},
       {"query {copies}", "query {x}", "completed simple first {copies} [COPY 2] I 2-3",
        "completed simple later {copies} [COPY 3] I 2-3",
        "completed simple later {copies} [COPY 4] I 2-3", "ready I",
        "completed simple first {x} [X] I 2-3", "ready I"}},
      {"extended COPY IN sent blindly: P B E S d c S",
       {client(pbe("copy") + fe::sync() + data + fe::copy_done() + fe::sync() + pbe("x") +
               fe::sync()),
        server(be::parse_complete() + be::bind_complete() + be::copy_in() +
               be::command_complete("COPY 2") + be::ready('I') + pbe_done("X") + be::ready('I'))},
       {"parse {copy}", "bind {copy}()", "parse {x}", "bind {x}()",
        "completed extended first {copy}() [COPY 2] I 2-3", "ready I",
        "completed extended first {x}() [X] I 2-3", "ready I"}},
      {"extended COPY IN as libpq does it: P B E S, then d c S",
       {client(pbe("copy") + fe::flush() + fe::sync()),
        server(be::parse_complete() + be::bind_complete() + be::copy_in()),
        client(data + fe::sync() + fe::flush() + data), client(fe::copy_done() + fe::sync()),
        server(be::command_complete("COPY 4") + be::ready('I'))},
       {"parse {copy}", "bind {copy}()", "completed extended first {copy}() [COPY 4] I 2-6",
        "ready I"}},
      {"P B E S d c S where the statement is no COPY after all",
       {client(pbe("select") + fe::sync() + data + fe::copy_done() + fe::sync()),
        server(pbe_done("SELECT 0") + be::ready('I') + be::ready('I'))},
       {"parse {select}", "bind {select}()", "completed extended first {select}() [SELECT 0] I 2-3",
        "ready I", "ready I"}},
      {"P B E S d c S where the COPY fails before it begins",
       {client(pbe("copy") + fe::sync() + data + fe::copy_done() + fe::sync()),
        server(be::parse_complete() + be::bind_complete() + be::error("42P01") + be::ready('I') +
               be::ready('I'))},
       {"parse {copy}", "bind {copy}()", "failed extended first {copy}() [42P01] I 2-3", "ready I",
        "ready I"}},
      {"COPY IN fails in the middle of a simple query; late data",
       {client(fe::query("copy") + data), server(be::copy_in() + be::error("23505")),
        client(data + fe::copy_done() + fe::query("x")), server(be::ready('I')),
        client(fe::copy_fail("late") + fe::copy_done()),
        server(be::command_complete("X") + be::ready('I'))},
       {"query {copy}", "failed simple first {copy} [23505] I 2-3", "query {x}", "ready I",
        "completed simple first {x} [X] I 4-7", "ready I"}},
      {"extended COPY IN fails in the middle; late data, then Sync",
       {client(pbe("copy") + fe::sync() + data),
        server(be::parse_complete() + be::bind_complete() + be::copy_in() + be::error("23505")),
        client(data + fe::copy_done()), client(fe::sync()), server(be::ready('I')),
        client(fe::query("x")), server(be::command_complete("X") + be::ready('I'))},
       {"parse {copy}", "bind {copy}()", "failed extended first {copy}() [23505] I 2-3", "ready I",
        "query {x}", "completed simple first {x} [X] I 7-8", "ready I"}},
      {"blind extended COPY IN fails in the middle, its Sync read by COPY",
       {client(pbe("copy") + fe::sync() + data + fe::copy_done() + fe::sync() + fe::query("x")),
        server(be::parse_complete() + be::bind_complete() + be::copy_in() + be::error("23505") +
               be::ready('I') + be::command_complete("X") + be::ready('I'))},
       {"parse {copy}", "bind {copy}()", "query {x}",
        "failed extended first {copy}() [23505] I 2-3", "ready I",
        "completed simple first {x} [X] I 2-3", "ready I"}},
      {"blind extended COPY IN fails before it reads anything: both Syncs answered",
       {client(pbe("copy") + fe::sync() + data + fe::copy_done() + fe::sync() + fe::query("x")),
        server(be::parse_complete() + be::bind_complete() + be::copy_in() + be::error("P0001") +
               be::ready('I') + be::ready('I') + be::command_complete("X") + be::ready('I'))},
       {"parse {copy}", "bind {copy}()", "query {x}",
        "failed extended first {copy}() [P0001] I 2-3", "ready I", "ready I",
        "completed simple first {x} [X] I 2-3", "ready I"}},
      {"extended COPY IN fails before it reads the only Sync",
       {client(pbe("copy") + fe::sync()),
        server(be::parse_complete() + be::bind_complete() + be::copy_in() + be::error("P0001") +
               be::ready('I')),
        client(fe::query("x")), server(be::command_complete("X") + be::ready('I'))},
       {"parse {copy}", "bind {copy}()", "failed extended first {copy}() [P0001] I 2-3", "ready I",
        "query {x}", "completed simple first {x} [X] I 4-5", "ready I"}},
      {"CopyFail",
       {client(fe::query("copy")), server(be::copy_in()),
        client(data + fe::copy_fail("changed my mind")),
        server(be::error("57014") + be::ready('I'))},
       {"query {copy}", "failed simple first {copy} [57014] I 2-5", "ready I"}},
      {"COPY OUT, extended, then one that fails",
       {client(pbe("out") + pbe("out2") + fe::sync()),
        server(be::parse_complete() + be::bind_complete() + be::copy_out() + be::copy_data("1\n") +
               be::copy_done() + be::command_complete("COPY 1") + be::parse_complete() +
               be::bind_complete() + be::copy_out() + be::copy_data("1\n") + be::error("57014") +
               be::ready('I'))},
       {"parse {out}", "bind {out}()", "parse {out2}", "bind {out2}()",
        "completed extended first {out}() [COPY 1] I 2-3",
        "failed extended first {out2}() [57014] I 2-3", "ready I"}},
      {"stray CopyDone and CopyFail outside of COPY",
       {client(fe::copy_done() + pbe("a") + fe::copy_fail("x") + fe::sync() + fe::copy_done() +
               fe::query("b")),
        server(pbe_done("A") + be::ready('I') + be::command_complete("B") + be::ready('I'))},
       {"parse {a}", "bind {a}()", "query {b}", "completed extended first {a}() [A] I 2-3",
        "ready I", "completed simple first {b} [B] I 2-3", "ready I"}},
      {"streaming replication: silence",
       {client(fe::query("START_REPLICATION 0/0")), server(be::copy_both() + be::copy_data("w")),
        client(fe::copy_data("r")), server(be::copy_data("w"))},
       {"query {START_REPLICATION 0/0}"},
       false,
       true},
  };
}

inline std::vector<RecordedSession> lost_sessions() {
  return {
      {"answer to nothing",
       {server(be::bind_complete()), server(be::ready('I'))},
       {"lost: unexpected BindComplete"},
       false,
       true},
      {"ReadyForQuery at idle",
       {server(be::ready('I'))},
       {"lost: unexpected ReadyForQuery"},
       false,
       true},
      {"answer in the wrong order",
       {client(pbe("q") + fe::sync()), server(be::bind_complete() + be::parse_complete())},
       {"parse {q}", "bind {q}()", "lost: unexpected BindComplete"},
       false,
       true},
      {"ReadyForQuery before the result",
       {client(fe::query("q")), server(be::ready('I'))},
       {"query {q}", "lost: unexpected ReadyForQuery"},
       false,
       true},
      {"answers while the server should skip",
       {client(pbe("q")), server(be::error("42601") + be::parse_complete())},
       {"parse {q}", "bind {q}()", "failed extended first {q}() [42601] I 2-3",
        "lost: unexpected ParseComplete"},
       false,
       true},
      {"result after the error of a simple query",
       {client(fe::query("q")), server(be::error("42601") + be::command_complete("Q"))},
       {"query {q}", "failed simple first {q} [42601] I 2-3", "lost: unexpected CommandComplete"},
       false,
       true},
      {"COPY ends before its data",
       {client(fe::query("q")), server(be::copy_in() + be::command_complete("COPY 0"))},
       {"query {q}", "lost: unexpected CommandComplete"},
       false,
       true},
      {"COPY data outside of COPY",
       {client(fe::query("q")), server(be::copy_data("x"))},
       {"query {q}", "lost: unexpected CopyData"},
       false,
       true},
      {"a type that does not exist",
       {client(fe::query("q")), server(message('9', ""))},
       {"query {q}", "lost: unexpected message of unknown type"},
       false,
       true},
      {"status that does not exist",
       {client(fe::query("q")), server(be::command_complete("Q") + be::ready('X'))},
       {"query {q}", "completed simple first {q} [Q] I 2-3", "lost: malformed ReadyForQuery"},
       false,
       true},
      {"impossible length from the server",
       {server(std::string("Z\0\0\0\3", 5))},
       {"lost: bytes of the server are not messages"},
       false,
       true},
      {"impossible type from the client",
       {client(fe::query("q") + "\x16\x03\x01"), server(be::command_complete("Q"))},
       {"query {q}", "lost: bytes of the client are not messages"},
       false,
       true},
      {"unknown message of the client",
       {client(message('Y', "x") + fe::query("q"))},
       {"lost: unknown message of the client"},
       false,
       true},
  };
}

inline std::vector<RecordedSession> recorded_sessions() {
  std::vector<RecordedSession> all;
  for (const auto& part : {simple_query_sessions(), extended_query_sessions(),
                           failed_pipeline_sessions(), copy_sessions(), lost_sessions()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace parallax::test
