#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

namespace provider {

// Makes `path` hold `bytes`, readable for its owner only. After a crash at any moment it holds
// either what it held before or all of the new bytes; when this returns, a crash of the machine
// does not take them away. The error is a sentence; the file is as it was then.
std::expected<void, std::string> WriteDurably(const std::filesystem::path& path,
                                              std::string_view bytes);

}  // namespace provider
