#pragma once

namespace tests {

// With `routing.endpoints: tasks`: from the end of a task to a document without its address.
void BenchTasks();

}  // namespace tests
