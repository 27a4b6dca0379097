#include "orchestrator/api/file_handlers.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "orchestrator/api/event_stream.h"
#include "orchestrator/api/file_change.h"
#include "orchestrator/api/file_href.h"
#include "orchestrator/api/file_watch.h"
#include "orchestrator/api/preconditions.h"
#include "orchestrator/deploy/site_directory.h"
#include "orchestrator/files/archive.h"

namespace orchestrator::api {
namespace {

using files::RelativePath;
using files::SiteFiles;
using Ordered = nlohmann::ordered_json;

constexpr std::size_t kMostEntries = 10'000;
constexpr std::size_t kPiece = 256 << 10;

Failure Invalid(std::string pointer, const std::string& detail) {
  return Failure(Error{ErrorKind::kInvalid,
                       fmt::format("{} {}", pointer == "?" ? "the query" : pointer, detail),
                       {},
                       {{std::move(pointer), detail}}});
}

std::string Time(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

const char* Name(files::EntryType type) {
  switch (type) {
    case files::EntryType::kFile:
      return "file";
    case files::EntryType::kFolder:
      return "folder";
    case files::EntryType::kLink:
      return "link";
    case files::EntryType::kOther:
      return "other";
  }
  return "?";
}

Ordered ToJson(const files::Entry& entry, site::SiteId id, const std::string& path) {
  Ordered out{{"name", files::SafeText(entry.name)},
              {"type", Name(entry.type)},
              {"size", entry.size},
              {"mode", fmt::format("{:04o}", entry.mode)},
              {"modified", Time(entry.modified)},
              {"href", FileHref(id, path)}};
  if (entry.link_target) out["target"] = files::SafeText(*entry.link_target);
  if (entry.etag) out["etag"] = *entry.etag;
  return out;
}

Result<bool> Flag(const Request& request, std::string_view name) {
  const auto text = request.Query(name);
  if (text == "true") return true;
  if (text.empty() || text == "false") return false;
  return Invalid("?", fmt::format("{} must be true or false", name));
}

Response Download(const SiteFiles& site, const Request& request, const RelativePath& path) {
  const auto wanted = ReadPreconditions(request);
  if (!wanted) return Problem(wanted.error());
  auto opened = site.OpenForReading(path);
  if (!opened) return Problem(opened.error());
  auto file = std::make_shared<files::OpenFile>(*std::move(opened));
  if (wanted->if_match && !wanted->if_match->Contains(file->etag)) {
    return Problem(412, fmt::format("cannot read '{}': it has been changed in between",
                                    files::SafeText(path.text())));
  }
  Response response;
  response.content_type = "application/octet-stream";
  const std::string tag = fmt::format("\"{}\"", file->etag);
  response.headers = {{"ETag", tag},
                      {"Cache-Control", "no-cache"},
                      {"Content-Disposition", "attachment"},
                      {"X-Content-Type-Options", "nosniff"}};
  if (wanted->if_none_match && wanted->if_none_match->Contains(file->etag)) {
    response.status = 304;
    return response;
  }
  const auto range_of = request.Header("If-Range");
  response.ranged = provider::http::RangedBody{
      file->size,
      [file](std::uint64_t offset, std::uint64_t length, const provider::http::ByteSink& sink) {
        const auto buffer = std::make_unique<char[]>(kPiece);
        while (length > 0) {
          const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(length, kPiece));
          const auto count = file->ReadAt(offset, std::span(buffer.get(), piece));
          // A file that became shorter cannot be given as was promised: the connection is cut.
          if (!count || *count == 0) return false;
          if (!sink({buffer.get(), *count})) return false;
          offset += *count;
          length -= *count;
        }
        return true;
      },
      !range_of.empty() && range_of != tag};
  return response;
}

Response Archive(std::shared_ptr<SiteFiles> site, const RelativePath& path, std::string_view format,
                 const std::stop_token& stopping) {
  struct Kind {
    std::string_view name;
    files::ArchiveFormat format;
    const char* type;
  };
  static constexpr Kind kKinds[] = {
      {"zip", files::ArchiveFormat::kZip, "application/zip"},
      {"tar", files::ArchiveFormat::kTar, "application/x-tar"},
      {"tar.gz", files::ArchiveFormat::kTarGz, "application/gzip"},
  };
  const auto kind = std::ranges::find(kKinds, format, &Kind::name);
  if (kind == std::end(kKinds)) {
    return Problem(Invalid("?", "archive must be zip, tar or tar.gz").error());
  }
  if (const auto there = site->Stat(path); !there) return Problem(there.error());
  Response response;
  response.content_type = kind->type;
  response.headers = {
      {"Cache-Control", "no-store"},
      {"Content-Disposition", fmt::format("attachment; filename=\"files.{}\"", kind->name)}};
  response.stream = [site = std::move(site), path, stopping,
                     as = kind->format](const provider::http::ByteSink& sink) {
    const auto written = files::WriteArchive(*site, path, as, sink, stopping);
    // Its head is sent already, so that only the log can tell why.
    if (!written && written.error().kind != ErrorKind::kCancelled) {
      spdlog::error("an archive broke off: {} {}", written.error().message, written.error().detail);
    }
    // The end of the body would make a broken archive look whole.
    return written.has_value();
  };
  return response;
}

// A part of a folder's entries, with the address of the next part where there is one.
Response List(const SiteFiles& site, site::SiteId id, const RelativePath& path,
              std::string_view after) {
  const auto listing = site.List(path, kMostEntries, after);
  if (!listing) return Problem(listing.error());
  Ordered entries = Ordered::array();
  for (const files::Entry& item : listing->entries) {
    const std::string below = path.is_root() ? item.name : path.text() + "/" + item.name;
    entries.push_back(ToJson(item, id, below));
  }
  Ordered out{{"path", files::SafeText(path.text())},
              {"entries", std::move(entries)},
              {"truncated", listing->truncated}};
  if (listing->truncated) {
    out["next"] =
        fmt::format("{}?after={}", FileHref(id, path.text()), UrlText(listing->last_name));
  }
  return Json(200, Dump(out));
}

Response Show(const std::shared_ptr<SiteFiles>& site, const Request& request, site::SiteId id,
              const RelativePath& path, const Services& services) {
  if (const auto format = request.Query("archive"); !format.empty()) {
    return Archive(site, path, format, services.stopping);
  }
  if (WantsEvents(request)) return WatchFiles(services, request, id, *site, path);
  const auto usage = Flag(request, "usage");
  if (!usage) return Problem(usage.error());
  if (*usage) {
    const auto measured = site->MeasureUsage(services.stopping);
    if (!measured) return Problem(measured.error());
    const auto& quota = services.files_options.quota_bytes;
    return Json(200, Dump({{"bytes", measured->bytes},
                           {"entries", measured->entries},
                           {"quota", quota ? Ordered(*quota) : Ordered()}}));
  }
  const auto entry = site->Stat(path);
  if (!entry) return Problem(entry.error());
  const auto stat = Flag(request, "stat");
  if (!stat) return Problem(stat.error());
  if (*stat) return Json(200, Dump(ToJson(*entry, id, path.text())));
  if (entry->type != files::EntryType::kFolder) return Download(*site, request, path);
  return List(*site, id, path, request.Query("after"));
}

Response Write(const SiteFiles& site, const Request& request, site::SiteId id,
               const RelativePath& path, const std::stop_token& stopping) {
  // A part must not become the whole (RFC 9110, 14.5).
  if (!request.Header("Content-Range").empty()) {
    return Problem(400,
                   "Content-Range: parts of a file cannot be written, and the file is as it was; "
                   "send it from its first byte on, without Content-Range");
  }
  files::WriteOptions options;
  if (const auto mode = request.Query("mode"); !mode.empty()) {
    options.mode = ParseMode(mode);
    if (!options.mode) {
      return Problem(Invalid("?", "mode must be octal digits, as in 0644").error());
    }
  }
  const auto parents = Flag(request, "parents");
  if (!parents) return Problem(parents.error());
  options.make_parents = *parents;
  auto wanted = ReadPreconditionOfChange(request);
  if (!wanted) return Problem(wanted.error());
  options.if_match = std::move(wanted->if_match);
  options.if_none_match_any = wanted->if_none_match_any;
  const bool existed = site.Stat(path).has_value();
  auto upload = site.StartWriting(path, options, stopping);
  if (!upload) return Problem(upload.error());
  Result<void> written;
  const bool whole = request.read_body([&](std::string_view bytes) {
    written = upload->Append(bytes);
    return written.has_value();
  });
  if (!written) return Problem(written.error());
  if (!whole) return Problem(400, "the upload did not come whole; the file is as it was");
  const auto entry = upload->Commit();
  if (!entry) return Problem(entry.error());
  Response response = Json(existed ? 200 : 201, Dump(ToJson(*entry, id, path.text())));
  if (entry->etag) response.headers.emplace_back("ETag", fmt::format("\"{}\"", *entry->etag));
  return response;
}

Response Apply(const SiteFiles& site, const Request& request, site::SiteId id,
               const RelativePath& path, const std::stop_token& stopping) {
  static constexpr std::uint32_t kFolderMode = 0755;
  const auto change = ReadFileChange(request, id);
  if (!change) return Problem(change.error());
  const auto wanted = ReadPreconditionOfChange(request);
  if (!wanted) return Problem(wanted.error());
  const auto apply = [&]() -> Result<files::Entry> {
    switch (change->action) {
      case FileChange::Action::kMakeFolder:
        return site.MakeFolder(path, change->mode.value_or(kFolderMode), change->parents, *wanted,
                               stopping);
      case FileChange::Action::kMove:
        return site.Move(path, change->to, change->replace, *wanted);
      case FileChange::Action::kChangeMode:
        return site.Chmod(path, *change->mode, *wanted);
    }
    return Failure(Error{ErrorKind::kInternal, "an action that nobody knows"});
  };
  const auto entry = apply();
  if (!entry) return Problem(entry.error());
  const bool made = change->action == FileChange::Action::kMakeFolder;
  const bool moved = change->action == FileChange::Action::kMove;
  return Json(made ? 201 : 200, Dump(ToJson(*entry, id, moved ? change->to.text() : path.text())));
}

Response Delete(const SiteFiles& site, const Request& request, const RelativePath& path,
                const std::stop_token& stopping) {
  const auto recursive = Flag(request, "recursive");
  if (!recursive) return Problem(recursive.error());
  const auto wanted = ReadPreconditionOfChange(request);
  if (!wanted) return Problem(wanted.error());
  const auto removed =
      *recursive ? site.RemoveTree(path, stopping, *wanted) : site.Remove(path, *wanted);
  if (!removed) return Problem(removed.error());
  Response response;
  response.status = 204;
  return response;
}

}  // namespace

bool IsFileUpload(const Request& request) {
  return request.method == "PUT" && request.path.starts_with("/v1/sites/") &&
         request.path.contains("/files/");
}

Response HandleFiles(const Services& services, const Request& request, site::SiteId id,
                     std::string_view text) {
  const auto record = services.store.Find(id);
  if (!record) return Problem(record.error());
  if (!*record || (*record)->removing) {
    return Problem(404, fmt::format("there is no site {}", id.value));
  }
  if ((*record)->site.kind == site::Kind::kExternal) {
    return Problem(409, fmt::format("site {} is external: its files are elsewhere", id.value));
  }
  if (text.starts_with('/')) text.remove_prefix(1);
  if (text.ends_with('/')) text.remove_suffix(1);
  const auto path = RelativePath::Parse(text);
  if (!path) return Problem(Invalid("?", fmt::format("path: {}", path.error())).error());
  if (auto ready =
          deploy::MakeSiteFolders(services.sites_directory, id, services.files_options.owner);
      !ready) {
    return Problem(ready.error());
  }
  auto opened =
      SiteFiles::Open(deploy::SitePath(services.sites_directory, id), services.files_options);
  if (!opened) return Problem(opened.error());
  const auto site = std::make_shared<SiteFiles>(*std::move(opened));
  if (request.method == "GET" || request.method == "HEAD") {
    return Show(site, request, id, *path, services);
  }
  if (request.method == "PUT" && request.read_body)
    return Write(*site, request, id, *path, services.stopping);
  if (request.method == "POST") return Apply(*site, request, id, *path, services.stopping);
  if (request.method == "DELETE") return Delete(*site, request, *path, services.stopping);
  return MethodNotAllowed("GET, PUT, POST, DELETE");
}

}  // namespace orchestrator::api
