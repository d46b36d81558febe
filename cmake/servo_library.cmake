# servo_library(NAME core DEPENDS base model SOURCES a.cc … [TESTS a_test.cc …] [LINKS fmt::fmt …])
#
# One static library per folder of src/, named servo_<NAME>, with
#   <NAME>_test      its unit tests (GoogleTest), registered with CTest under the label "unit"
#   <NAME>_linktest  an empty program that links the whole archive against its declared
#                    dependencies only: a call into a folder that DEPENDS does not name fails here.
# Sources are listed explicitly, never globbed, so that a stray file shows in review.
file(WRITE ${CMAKE_BINARY_DIR}/linktest_main.cc "int main() { return 0; }\n")

function(servo_library)
  cmake_parse_arguments(ARG "" "NAME" "DEPENDS;SOURCES;TESTS;LINKS" ${ARGN})
  set(lib servo_${ARG_NAME})
  add_library(${lib} STATIC ${ARG_SOURCES})
  target_include_directories(${lib} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPENDS PREPEND servo_ OUTPUT_VARIABLE deps)
  target_link_libraries(${lib} PUBLIC ${deps} ${ARG_LINKS})

  add_executable(${ARG_NAME}_linktest ${CMAKE_BINARY_DIR}/linktest_main.cc)
  target_link_libraries(
    ${ARG_NAME}_linktest PRIVATE "$<LINK_LIBRARY:WHOLE_ARCHIVE,${lib}>" ${deps} ${ARG_LINKS})

  if(ARG_TESTS)
    add_executable(${ARG_NAME}_test ${ARG_TESTS})
    target_link_libraries(${ARG_NAME}_test PRIVATE ${lib} GTest::gtest GTest::gtest_main)
    add_test(NAME ${ARG_NAME}_test COMMAND ${ARG_NAME}_test)
    set_tests_properties(${ARG_NAME}_test PROPERTIES LABELS unit TIMEOUT 300)
  endif()
endfunction()
