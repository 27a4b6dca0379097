#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "provider/document_state.h"

namespace provider {

// Fragments as a text that ParseFragments reads again. Same fragments, same text.
std::string FragmentsToText(const Fragments& fragments);

// The error is a sentence.
std::expected<Fragments, std::string> ParseFragments(std::string_view text);

}  // namespace provider
