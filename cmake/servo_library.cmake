# servo_library(NAME core DEPENDS base model SOURCES a.cc … [TESTS a_test.cc …] [LINKS fmt::fmt …]
#               [PRECOMPILED kind] [SHELL])
#
# One static library per folder of src/, named servo_<NAME>, with
#   <NAME>_test      its unit tests (GoogleTest), registered with CTest under the label "unit"
#   <NAME>_linktest  an empty program that links the whole archive against its declared
#                    dependencies only: a call into a folder that DEPENDS does not name fails here.
# Sources are listed explicitly, never globbed, so that a stray file shows in review.
#
# Two targets build what scripts/test runs: `logic_tests`, with sanitizers, the tests of all that
# decides, reads or writes a format; `shell_tests`, in the release build, everything else. A
# library's own tests belong to the former unless it says SHELL.
add_custom_target(logic_tests)
add_custom_target(shell_tests)

# servo_test(<target> logic|shell LABELS … [TIMEOUT seconds] [ARGUMENTS …]): registers a test program.
function(servo_test target kind)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS;ARGUMENTS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_test(NAME ${target} COMMAND ${target} ${ARG_ARGUMENTS})
  set_tests_properties(${target} PROPERTIES LABELS "${ARG_LABELS};${kind}" TIMEOUT ${ARG_TIMEOUT})
  add_dependencies(${kind}_tests ${target})
endfunction()

file(WRITE ${CMAKE_BINARY_DIR}/linktest_main.cc "int main() { return 0; }\n")

function(servo_library)
  cmake_parse_arguments(ARG "SHELL" "NAME;PRECOMPILED" "DEPENDS;SOURCES;TESTS;LINKS" ${ARGN})
  set(lib servo_${ARG_NAME})
  add_library(${lib} STATIC ${ARG_SOURCES})
  target_include_directories(${lib} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPENDS PREPEND servo_ OUTPUT_VARIABLE deps)
  target_link_libraries(${lib} PUBLIC ${deps} ${ARG_LINKS})
  if(NOT ARG_PRECOMPILED)
    set(ARG_PRECOMPILED library)
  endif()
  if(NOT ARG_NAME MATCHES "^(base|report)$") # which see no JSON
    servo_use_precompiled(${lib} ${ARG_PRECOMPILED})
  endif()

  add_executable(${ARG_NAME}_linktest ${CMAKE_BINARY_DIR}/linktest_main.cc)
  target_link_libraries(
    ${ARG_NAME}_linktest PRIVATE "$<LINK_LIBRARY:WHOLE_ARCHIVE,${lib}>" ${deps} ${ARG_LINKS})
  add_dependencies(shell_tests ${ARG_NAME}_linktest)

  if(ARG_TESTS)
    add_executable(${ARG_NAME}_test ${ARG_TESTS})
    target_link_libraries(${ARG_NAME}_test PRIVATE ${lib} GTest::gtest GTest::gtest_main)
    if(NOT ARG_NAME MATCHES "^(base|report)$")
      servo_use_precompiled(${ARG_NAME}_test test)
    endif()
    if(ARG_SHELL)
      servo_test(${ARG_NAME}_test shell LABELS unit)
    else()
      servo_test(${ARG_NAME}_test logic LABELS unit)
    endif()
  endif()
endfunction()
