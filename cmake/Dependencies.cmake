# Every library is looked for on the machine first (find_package), then in .deps/, which
# cmake/setup.sh prepares, and is downloaded last (pinned by commit or hash).
include(FetchContent)
# What we set for a library goes before its own options.
set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

set(deps ${CMAKE_CURRENT_LIST_DIR}/../.deps)

# Part of every distribution, and too delicate to be built beside the program: cmake/setup.sh installs
# them.
find_package(OpenSSL 3.0 REQUIRED)
find_package(LibArchive 3.6 REQUIRED)
pkg_check_modules(idn2 REQUIRED IMPORTED_TARGET libidn2)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(yaml REQUIRED IMPORTED_TARGET yaml-0.1)

# Downloads what find_package did not find. Warnings inside it are not ours.
macro(orchestrator_fetch name)
  message(STATUS "${name}: not on this machine, downloading the pinned version")
  FetchContent_Declare(${name} SYSTEM ${ARGN})
  FetchContent_MakeAvailable(${name})
endmacro()

find_package(ZLIB QUIET)
if(NOT ZLIB_FOUND)
  set(ZLIB_BUILD_EXAMPLES OFF)
  orchestrator_fetch(zlib
    URL https://github.com/madler/zlib/releases/download/v1.3.1/zlib-1.3.1.tar.gz
    URL_HASH SHA256=9a93b2b7dfdac77ceba5a558a580e74667dd6fede4585b91eefb60f03b72df23)
  target_include_directories(zlibstatic INTERFACE ${zlib_SOURCE_DIR} ${zlib_BINARY_DIR})
  add_library(ZLIB::ZLIB ALIAS zlibstatic)
endif()

find_package(CURL 7.81 QUIET)
if(NOT CURL_FOUND)
  set(BUILD_CURL_EXE OFF)
  set(HTTP_ONLY ON)
  set(CURL_USE_LIBSSH2 OFF)
  orchestrator_fetch(curl
    URL https://curl.se/download/curl-7.88.1.tar.gz
    URL_HASH SHA256=cdb38b72e36bc5d33d5b8810f8018ece1baa29a8f215b4495e495ded82bbf3c7)
endif()

find_package(SQLite3 3.37 QUIET)
if(NOT SQLite3_FOUND)
  enable_language(C)
  FetchContent_Declare(sqlite3
    URL https://www.sqlite.org/2022/sqlite-amalgamation-3400100.zip
    URL_HASH SHA256=49112cc7328392aa4e3e5dae0b2f6736d0153430143d21f69327788ff4efe734)
  FetchContent_MakeAvailable(sqlite3)  # it has no CMakeLists.txt of its own
  add_library(orchestrator_sqlite3 STATIC ${sqlite3_SOURCE_DIR}/sqlite3.c)
  target_include_directories(orchestrator_sqlite3 SYSTEM PUBLIC ${sqlite3_SOURCE_DIR})
  target_link_libraries(orchestrator_sqlite3 PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
  add_library(SQLite::SQLite3 ALIAS orchestrator_sqlite3)
endif()

find_package(fmt 9 QUIET)
if(NOT fmt_FOUND)
  orchestrator_fetch(fmt GIT_REPOSITORY https://github.com/fmtlib/fmt.git
                     GIT_TAG a33701196adfad74917046096bf5a2aa0ab0bb50)  # 9.1.0
endif()

find_package(spdlog 1.9 QUIET)
if(NOT spdlog_FOUND)
  set(SPDLOG_FMT_EXTERNAL ON)
  orchestrator_fetch(spdlog GIT_REPOSITORY https://github.com/gabime/spdlog.git
                     GIT_TAG 76fb40d95455f249bd70824ecfcae7a8f0930fa3)  # 1.10.0
endif()

find_package(nlohmann_json 3.10 QUIET)
if(NOT nlohmann_json_FOUND)
  orchestrator_fetch(nlohmann_json
    URL https://github.com/nlohmann/json/archive/refs/tags/v3.11.2.tar.gz
    URL_HASH SHA256=d69f9deb6a75e2580465c6c4c5111b89c4dc2fa94e3a85fcd2ffcd9a143d9273)
endif()

find_package(yaml-cpp 0.7 QUIET)
if(NOT yaml-cpp_FOUND)
  set(YAML_CPP_BUILD_TOOLS OFF)
  set(YAML_CPP_BUILD_TESTS OFF)
  orchestrator_fetch(yaml-cpp GIT_REPOSITORY https://github.com/jbeder/yaml-cpp.git
                     GIT_TAG f7320141120f720aecc4c32be25586e7da9eb978)  # 0.8.0
endif()

find_package(tomlplusplus 3.3 QUIET)
if(NOT tomlplusplus_FOUND)
  pkg_check_modules(tomlplusplus QUIET IMPORTED_TARGET tomlplusplus>=3.3)
  if(tomlplusplus_FOUND)
    add_library(tomlplusplus::tomlplusplus ALIAS PkgConfig::tomlplusplus)
  else()
    orchestrator_fetch(tomlplusplus GIT_REPOSITORY https://github.com/marzer/tomlplusplus.git
                       GIT_TAG 30172438cee64926dc41fdd9c11fb3ba5b2ba9de)  # 3.4.0
  endif()
endif()

find_package(CLI11 2.1 QUIET)
if(NOT CLI11_FOUND)
  orchestrator_fetch(CLI11 GIT_REPOSITORY https://github.com/CLIUtils/CLI11.git
                     GIT_TAG 6c7b07a878ad834957b98d0f9ce1dbe0cb204fc9)  # 2.4.2
endif()

find_package(prometheus-cpp COMPONENTS core QUIET)  # has no version file
if(NOT prometheus-cpp_FOUND)
  set(ENABLE_PUSH OFF)
  set(ENABLE_PULL OFF)
  set(ENABLE_TESTING OFF)
  orchestrator_fetch(prometheus-cpp
    URL https://github.com/jupp0r/prometheus-cpp/archive/refs/tags/v1.0.1.tar.gz
    URL_HASH SHA256=593e028d401d3298eada804d252bc38d8cab3ea1c9e88bcd72095281f85e6d16)
endif()

find_package(httplib 0.41 QUIET)
if(NOT httplib_FOUND)
  if(EXISTS ${deps}/cpp-httplib/httplib.h)
    set(httplib_directory ${deps}/cpp-httplib)
  else()
    message(STATUS "httplib: not on this machine, downloading the pinned version")
    FetchContent_Declare(httplib GIT_REPOSITORY https://github.com/yhirose/cpp-httplib.git
                         GIT_TAG 073b58796205b928b61f4cae89ab4130b7f1aee0)  # 0.41.0
    FetchContent_GetProperties(httplib)
    if(NOT httplib_POPULATED)
      FetchContent_Populate(httplib)
    endif()
    set(httplib_directory ${httplib_SOURCE_DIR})
  endif()
  add_library(httplib::httplib INTERFACE IMPORTED)
  target_include_directories(httplib::httplib SYSTEM INTERFACE ${httplib_directory})
  target_link_libraries(httplib::httplib INTERFACE Threads::Threads)
endif()

if(ORCHESTRATOR_TESTS)
  find_package(Catch2 3 QUIET)
  if(NOT Catch2_FOUND)
    file(GLOB prepared_catch2 ${deps}/catch2/usr/lib/cmake/Catch2 ${deps}/catch2/usr/lib/*/cmake/Catch2)
    find_package(Catch2 3 QUIET PATHS ${prepared_catch2} NO_DEFAULT_PATH)
  endif()
  if(NOT Catch2_FOUND)
    orchestrator_fetch(Catch2
      URL https://github.com/catchorg/Catch2/archive/refs/tags/v3.7.1.tar.gz
      URL_HASH SHA256=c991b247a1a0d7bb9c39aa35faf0fe9e19764213f28ffba3109388e62ee0269c)
  endif()
endif()
