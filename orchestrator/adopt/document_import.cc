#include "orchestrator/adopt/document_import.h"

#include <utility>

#include <fmt/format.h>

#include "orchestrator/adopt/importer.h"
#include "traefik/check/configuration_check.h"
#include "traefik/codec/decoder.h"
#include "traefik/codec/edit.h"
#include "traefik/codec/locate.h"

namespace orchestrator::adopt {
namespace {

using traefik::codec::Path;
using traefik::codec::Problem;
using traefik::codec::Problems;
using traefik::codec::RawNode;
using traefik::codec::ReferenceTarget;
using traefik::codec::Value;

Failure Refused(const std::vector<Problem>& problems) {
  Error error{ErrorKind::kInvalid, "Traefik would not use this configuration as it is"};
  constexpr std::size_t kMostTold = 50;
  for (const Problem& problem : problems) {
    if (error.fields.size() == kMostTold) {
      error.message += fmt::format("\nand {} more", problems.size() - kMostTold);
      break;
    }
    error.fields.push_back(
        {problem.pointer, problem.line > 0 ? fmt::format("{} (line {}, column {})", problem.detail,
                                                         problem.line, problem.column)
                                           : problem.detail});
    error.message +=
        fmt::format("\n{} {}", error.fields.back().pointer, error.fields.back().detail);
  }
  return Failure(std::move(error));
}

// "auth@file" → "auth" where the file itself has it.
void StripOwnProvider(Value& configuration) {
  const Value whole = configuration;
  traefik::codec::ForEachReference(
      configuration, [&](const ReferenceTarget& target, const Path&, std::string& name) {
        const std::size_t at = name.rfind('@');
        if (at == name.npos) return;
        const std::string_view provider = std::string_view(name).substr(at + 1);
        if (provider != "file" && provider != "swarm" && provider != "docker") return;
        if (traefik::codec::FindNamed(whole, target.protocol, target.kind, name.substr(0, at))) {
          name.erase(at);
        }
      });
}

void Remark(const Problems& problems, DocumentImport& import) {
  for (const Problem& warning : problems.warnings) {
    import.remarks.push_back(fmt::format("{} {}", warning.pointer, warning.detail));
  }
}

// `document` is where it was read from; empty where that is no text.
Result<DocumentImport> Import(Value configuration, const RawNode& document, site::SiteId next_id,
                              const routing::RouteOptions& options) {
  StripOwnProvider(configuration);
  Problems problems;
  traefik::check::CheckConfiguration(configuration, problems, options.version);
  traefik::codec::Locate(document, problems.errors);
  if (!problems.errors.empty()) return Refused(problems.errors);
  DocumentImport import = ImportRouters(std::move(configuration), next_id, options);
  Remark(problems, import);
  return import;
}

}  // namespace

Result<DocumentImport> ImportDocument(std::string_view text, DocumentFormat format,
                                      site::SiteId next_id, const routing::RouteOptions& options) {
  Problems problems;
  RawNode document = format == DocumentFormat::kToml
                         ? traefik::codec::ReadTomlDocument(text, problems)
                         : traefik::codec::ReadDocument(text, problems);
  Value whole = traefik::codec::DecodeDocument(document, problems,
                                               traefik::codec::Source::kDocument, options.version);
  if (!problems.errors.empty()) return Refused(problems.errors);
  auto import = Import(std::move(whole), document, next_id, options);
  if (import) Remark(problems, *import);
  return import;
}

Result<DocumentImport> ImportConfiguration(Value configuration, site::SiteId next_id,
                                           const routing::RouteOptions& options) {
  return Import(std::move(configuration), {}, next_id, options);
}

}  // namespace orchestrator::adopt
