#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "provider/http/message.h"
#include "provider/http/socket.h"

namespace provider::http {

// Opens a WebSocket at "ws://host:port/path?query". The error is a sentence for people.
std::expected<std::unique_ptr<Socket>, std::string> OpenSocket(const std::string& url,
                                                               const HeaderList& headers);

}  // namespace provider::http
