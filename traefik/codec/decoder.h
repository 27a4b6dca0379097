#pragma once

#include "traefik/codec/problem.h"
#include "traefik/codec/raw_node.h"
#include "traefik/codec/value.h"
#include "traefik/schema/option.h"

namespace traefik::codec {

enum class Source {
  kDocument,
  kLabels,
  kConfiguration,  // a document with what only labels can say, as the port of the own tasks
};

// Gives the names of a tree their meaning, by the schema, as Traefik does (paerser's AddMetadata
// and Fill): defaults are filled in where Traefik fills them in. Adds what Traefik refuses to the
// errors, and what it changes or ignores to the warnings; with errors the value is incomplete.
Value Decode(const schema::Struct& type, const RawNode& root, Source source, Problems& problems,
             schema::Version target = schema::kNewest);

// An object of which nothing was given: what Traefik fills in by itself.
Value Defaults(const schema::Struct& type);

// A document, JSON or YAML, as Traefik's HTTP provider would take it (or a kConfiguration). What
// would do harm there, as an empty one, is an error too.
// What `target` does not know is an error with the version that has it, even where it says no more
// than the default.
Value DecodeDocument(std::string_view text, Problems& problems, Source source = Source::kDocument,
                     schema::Version target = schema::kNewest);

// The same of a document that has been read (nothing, where that gave errors); takes the sections
// out of it that Traefik ignores.
Value DecodeDocument(RawNode& document, Problems& problems, Source source = Source::kDocument,
                     schema::Version target = schema::kNewest);

// The same of TOML, as Traefik's file provider would take it.
Value DecodeToml(std::string_view text, Problems& problems,
                 schema::Version target = schema::kNewest);

}  // namespace traefik::codec
