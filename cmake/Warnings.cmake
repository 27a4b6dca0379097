# Warnings are errors in our own targets, and only there.
add_library(orchestrator_options INTERFACE)
target_compile_options(orchestrator_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  -Wconversion -Wno-sign-conversion -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports false positives of these in std::variant, std::expected and std::string when optimising.
  target_compile_options(orchestrator_options INTERFACE
    -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()
target_include_directories(orchestrator_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(orchestrator_options INTERFACE
  $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)

set(ORCHESTRATOR_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, e.g. address,undefined")
if(ORCHESTRATOR_SANITIZE)
  target_compile_options(orchestrator_options INTERFACE
    -fsanitize=${ORCHESTRATOR_SANITIZE} -fno-sanitize-recover=all -O1 -g1)
  target_link_options(orchestrator_options INTERFACE -fsanitize=${ORCHESTRATOR_SANITIZE})
endif()
