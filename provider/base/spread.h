#pragma once

#include <cstddef>
#include <functional>

namespace provider {

// Calls `work` for 0 … count-1, in no order; on all processors where there are many, as at the
// start. What `work` throws is thrown when all have ended.
void Spread(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace provider
