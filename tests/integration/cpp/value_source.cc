#include "tests/integration/cpp/value_source.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <map>

namespace parallax::pgtest {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += c;
    out += c;
  }
  return out + "'";
}

std::string ValueSource::integer(unsigned bits) {
  if (one_in(2)) return pick({"0", "1", "-1", "7", "100", "10"});
  const auto shift = 64 - bits + below(bits);
  return std::to_string(static_cast<std::int64_t>(engine_()) >> shift);
}

std::string ValueSource::floating(bool wide) {
  if (one_in(2)) {
    return pick({"0", "-0", "1", "0.1", "NaN", "Infinity", "-Infinity", "1e10", "0.5", "1e-10"});
  }
  char text[40];
  const auto bits = engine_();
  const double value = std::bit_cast<double>(bits);
  const float narrow = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  if (!std::isfinite(value) || !std::isfinite(narrow)) return "NaN";
  const auto end = wide ? std::to_chars(text, text + sizeof(text), value).ptr
                        : std::to_chars(text, text + sizeof(text), narrow).ptr;
  return {text, end};
}

std::string ValueSource::numeric() {
  if (one_in(3)) {
    return pick({"0", "0.00", "1", "1.0", "1.000", "10", "10.0", "NaN", "Infinity", "-Infinity",
                 "0.1", "0.10", "10000", "10000.0", "0.0001", "99999999", "-1.5", "-1.50"});
  }
  std::string out = one_in(2) ? "-" : "";
  for (std::size_t i = below(one_in(5) ? 60 : 9) + 1; i > 0; --i) {
    out += one_in(3) ? '0' : static_cast<char>('0' + below(10));
  }
  if (one_in(2)) return out;
  out += '.';
  for (std::size_t i = below(one_in(5) ? 60 : 6) + 1; i > 0; --i) {
    out += one_in(2) ? '0' : static_cast<char>('0' + below(10));
  }
  return out;
}

std::string ValueSource::characters() {
  if (one_in(4)) return pick({"", "NULL", "null", " ", "a", "a ", "empty", "{}", "()", "\\"});
  static const std::vector<std::string> kPieces = {"a", "B", " ",    "\"", "\\", ",",   "{",  "}",
                                                   "(", ")", "[",    "]",  ";",  "'",   "\n", "\t",
                                                   "é", "😀", "NULL", ":",  "=",  "\"\""};
  std::string out;
  for (std::size_t i = below(6); i > 0; --i) out += pick(kPieces);
  return out;
}

std::string ValueSource::hex_digits(std::size_t count) {
  std::string out;
  for (; count > 0; --count) out += "0123456789abcdef"[one_in(2) ? 0 : below(16)];
  return out;
}

std::string ValueSource::json(int depth) {
  const std::string blank = one_in(3) ? pick({" ", "\n", "\t ", "  "}) : "";
  const std::size_t kind = below(depth > 3 ? 4 : 6);
  if (kind == 0) return blank + pick({"true", "false", "null"});
  if (kind == 1) {
    return blank + pick({"0", "-0", "1", "1.0", "1.00", "1e2", "100", "1E+2", "0.1", "1.5e-3",
                         "12345678901234567890123", "-7"});
  }
  if (kind < 4) {
    return blank + pick({"\"\"", "\"a\"", "\"\\u0061\"", "\"é\"", "\"\\u00e9\"", "\"\\\"\\\\\"",
                         "\"\\u0022\\u005c\"", "\"\\ud83d\\ude00\"", "\"😀\"", "\"\\n\"",
                         "\"\\u000a\"", "\"\\/\"", "\"/\"", "\"1\""});
  }
  std::string out = blank + (kind == 4 ? "[" : "{");
  static const std::vector<std::string> kKeys = {"\"a\"", "\"b\"", "\"\"", "\"key\"",
                                                 "\"\\u00e9\""};
  const std::size_t start = below(kKeys.size());  // keys in some order, none twice
  const std::size_t count = below(4);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += one_in(2) ? ", " : ",";
    if (kind == 5) out += kKeys[(start + i) % kKeys.size()] + (one_in(2) ? ":" : " : ");
    out += json(depth + 1);
  }
  return out + (kind == 4 ? "]" : "}");
}

// Spread over all that the type can hold, and where zones have odd offsets.
std::string ValueSource::moment(const std::string& type) {
  if (one_in(3)) {
    return quoted(pick({"infinity", "-infinity", "2000-01-01", "1999-12-31", "4714-11-26 BC",
                        "0001-01-01", "0001-12-31 BC", "1900-02-28", "2024-02-29", "0044-03-15 BC",
                        "1883-11-18", "12345-06-07"})) +
           "::" + type;
  }
  const auto days = std::to_string(one_in(2) ? below(109'000'000) : 2'400'000 + below(100'000));
  const auto micros = std::to_string(one_in(3) ? below(86'400) * 1'000'000 : below(86'400'000'000));
  return "(timestamp '4713-01-02 BC' + " + days + " * interval '1 day' + " + micros +
         " * interval '1 microsecond')::" + type;
}

std::string ValueSource::literal(const std::string& type) {
  const auto zone = [&] { return pick({"+00", "+02", "-05:30", "+12:45", "-00:00:07"}); };
  const auto time = [&] {
    return pick(
        {"00:00:00", "12:34:56", "24:00:00", "23:59:59.999999", "12:34:56.5", "01:02:03.04"});
  };
  const auto interval = [&] {
    return pick({"1 day", "24 hours", "1 month", "30 days", "-1 year -2 months +3 days -04:05:06.7",
                 "0", "100000 hours 1 us", "1 year", "12 months", "-1 day 1 hour", "1 mon -1 day",
                 "178000000 years", "-0.000001 s", std::to_string(below(100)) + " min"});
  };
  const std::map<std::string, std::function<std::string()>> generators = {
      {"bool",
       [&] {
         return pick({"t", "f"});
       }},
      {"int2", [&] { return integer(16); }},
      {"int4", [&] { return integer(32); }},
      {"int8", [&] { return integer(64); }},
      {"oid", [&] { return std::to_string(engine_() >> (32 + below(32))); }},
      {"float4", [&] { return floating(false); }},
      {"float8", [&] { return floating(true); }},
      {"numeric", [&] { return numeric(); }},
      {"text", [&] { return characters(); }},
      {"varchar", [&] { return characters(); }},
      {"bpchar", [&] { return characters() + (one_in(2) ? "  " : ""); }},
      {"name", [&] { return characters(); }},
      {"\"char\"",
       [&] {
         return pick({"", "a", " ", "\"", "\\"});
       }},
      {"bytea", [&] { return "\\x" + hex_digits(2 * below(5)); }},
      {"uuid", [&] { return hex_digits(one_in(2) ? 1 : 32) + std::string(31, '0'); }},
      {"time", time},
      {"timetz", [&] { return time() + zone(); }},
      {"interval", interval},
      {"json", [&] { return json(0); }},
      {"jsonb", [&] { return json(0); }},
      {"inet",
       [&] {
         return pick({"10.0.0.1", "10.0.0.1/32", "10.0.0.1/8", "::1", "::ffff:1.2.3.4",
                      "fe80::1/64", "0.0.0.0/0", "2001:db8::", "1:2:3:4:5:6:7:8"});
       }},
      {"cidr",
       [&] {
         return pick({"10.0.0.0/8", "10.1.0.0/16", "::/0", "2001:db8::/32", "::1"});
       }},
      {"macaddr", [&] { return hex_digits(12); }},
      {"macaddr8", [&] { return hex_digits(16); }},
      {"varbit",
       [&] {
         return pick({"", "0", "1", "10110", "101100", "111100001111", "00000000"});
       }},
      {"mood",
       [&] {
         return pick({"ok", "bad"});
       }},
  };
  auto text = generators.at(type)();
  if (type == "uuid") text.resize(32);
  return quoted(text) + "::" + type;
}

std::string ValueSource::array(const std::string& element) {
  if (one_in(8)) return "'{}'::" + element + "[]";
  const std::size_t rows = one_in(3) ? below(3) + 1 : 0;
  const std::size_t size = below(3) + 1;
  const auto item = [&] { return one_in(5) ? std::string("NULL") : value(element); };
  const auto row = [&] {
    std::string out = "ARRAY[";
    for (std::size_t i = 0; i < size; ++i) out += (i > 0 ? "," : "") + item();
    return out + "]::" + element + "[]";
  };
  if (rows == 0) {
    // Another lower bound: what comes before it is cut off again.
    return one_in(4) ? "(array_fill(NULL::" + element + ", ARRAY[1], ARRAY[-2]) || " + row() + ")"
                     : row();
  }
  std::string out = "ARRAY[";
  for (std::size_t i = 0; i < rows; ++i) out += (i > 0 ? "," : "") + row();
  return out + "]";
}

std::string ValueSource::range(const std::string& type, const std::string& bound) {
  if (one_in(10)) return "'empty'::" + type;
  const auto low = one_in(5) ? "NULL" : value(bound);
  const auto high = one_in(5) ? "NULL" : value(bound);
  const auto bounds = quoted(pick({"[)", "[]", "(]", "()"}));
  if (low == "NULL" || high == "NULL") return type + "(" + low + "," + high + "," + bounds + ")";
  return type + "(least(" + low + "," + high + "),greatest(" + low + "," + high + ")," + bounds +
         ")";
}

std::string ValueSource::value(const std::string& type) {
  static const std::map<std::string, std::string> kBounds = {
      {"int4range", "int4"},    {"int8range", "int8"},        {"numrange", "numeric"},
      {"tsrange", "timestamp"}, {"tstzrange", "timestamptz"}, {"daterange", "date"},
      {"textrange", "text"},    {"floatrange", "float8"},     {"pairrange", "pair"}};
  static const std::map<std::string, std::vector<std::string>> kFields = {
      {"pair", {"int4", "text"}},
      {"many", {"text", "numeric", "timestamptz", "float8", "jsonb", "pair", "text[]", "numrange"}},
      {"lone", {"text"}},
      {"empty_row", {}}};
  if (type.ends_with("[]")) return array(type.substr(0, type.size() - 2));
  if (type == "amount") return value("numeric") + "::amount";
  if (type == "amounts") return value("numeric[]") + "::amounts";
  if (type == "date" || type == "timestamp" || type == "timestamptz") return moment(type);
  if (const auto bound = kBounds.find(type); bound != kBounds.end()) {
    return range(type, bound->second);
  }
  if (const auto at = type.find("multirange"); at != std::string::npos) {
    const auto of = type.substr(0, at) + "range";
    return one_in(6) ? "'{}'::" + type : type + "(" + value(of) + "," + value(of) + ")";
  }
  const auto fields = kFields.find(type);
  if (fields == kFields.end()) return literal(type);
  std::string out = "ROW(";
  for (const auto& field : fields->second) {
    if (out.back() != '(') out += ",";
    out += one_in(6) ? "NULL" : value(field);
  }
  return out + ")::" + type;
}

}  // namespace parallax::pgtest
