#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "traefik/codec/raw_node.h"

// How Traefik's libraries read scalars: Go's strconv and time, and yaml.v3.
namespace traefik::codec {

// An unquoted YAML scalar, as yaml.v3 understands it and Traefik writes it as text.
struct PlainScalar {
  enum class Type { kNull, kMerge, kTimestamp, kValue };
  Type type = Type::kValue;
  ItemKind kind = ItemKind::kText;
  std::string text;
};
PlainScalar ReadPlain(std::string_view text);

// strconv.ParseBool: 1 t T TRUE true True 0 f F FALSE false False.
std::optional<bool> ParseFlag(std::string_view text);

// strconv.ParseInt(text, 10, 64).
std::optional<std::int64_t> ParseNumber(std::string_view text);

// A whole number counts seconds (silently wrong beyond 292 years, as there); else
// time.ParseDuration. In nanoseconds.
std::optional<std::int64_t> ParseTime(std::string_view text);

// time.Duration.String(): "1m30s", "100ms", "0s".
std::string FormatTime(std::int64_t nanoseconds);

// strings.EqualFold as far as Traefik's own names go: ASCII, and the two letters that fold into it.
// Other letters in names of users count as they are, where Traefik ignores their case, too.
bool EqualFold(std::string_view a, std::string_view b);

// The same for names that are equal by EqualFold.
std::string Fold(std::string_view text);

// strings.TrimSpace.
std::string_view TrimSpace(std::string_view text);

}  // namespace traefik::codec
