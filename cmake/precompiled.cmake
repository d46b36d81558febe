# Precompiled headers: what most sources include from outside the tree, parsed once per kind of
# target instead of once per source. They only save time: every file still includes what it uses
# (configure with -DSERVO_PRECOMPILED=OFF to have that checked by the compiler).
#
#   servo_use_precompiled(<target> library|test|cli)
option(SERVO_PRECOMPILED "Use precompiled headers" ON)

set(servo_precompiled_library
    <algorithm> <array> <chrono> <cstdint> <deque> <filesystem> <fstream> <functional> <map>
    <memory> <mutex> <optional> <set> <sstream> <string> <string_view> <thread> <utility> <variant>
    <vector> <boost/json.hpp> <fmt/format.h> <tl/expected.hpp>)

# The files that hold the headers compiled with each kind's flags.
function(servo_precompiled_kind kind)
  cmake_parse_arguments(ARG "" "" "HEADERS;LINKS" ${ARGN})
  file(WRITE ${CMAKE_BINARY_DIR}/precompiled_${kind}.cc "")
  add_library(servo_precompiled_${kind} OBJECT ${CMAKE_BINARY_DIR}/precompiled_${kind}.cc)
  target_link_libraries(
    servo_precompiled_${kind} PRIVATE Boost::json fmt::fmt spdlog::spdlog tl::expected
                                      Threads::Threads ${ARG_LINKS})
  target_precompile_headers(
    servo_precompiled_${kind} PRIVATE ${servo_precompiled_library} ${ARG_HEADERS})
endfunction()

if(SERVO_PRECOMPILED)
  add_compile_options(-Winvalid-pch)
  servo_precompiled_kind(library)
  servo_precompiled_kind(test HEADERS <gtest/gtest.h> LINKS GTest::gtest)
  find_package(CLI11 REQUIRED)
  servo_precompiled_kind(cli HEADERS <CLI/CLI.hpp> LINKS CLI11::CLI11)
endif()

function(servo_use_precompiled target kind)
  if(SERVO_PRECOMPILED)
    target_precompile_headers(${target} REUSE_FROM servo_precompiled_${kind})
  endif()
endfunction()
