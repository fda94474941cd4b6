# Functions with which the rooms declare their parts.
include(GoogleTest)

# All that the thread sanitizer is run on.
add_custom_target(lathe_threads_tests)

# What every test finds in its environment.
set(LATHE_TEST_ENVIRONMENT "")
if(LATHE_SANITIZE STREQUAL "thread")
  # By default a program sleeps for a second at its end, which looks like an evaluator that hangs.
  set(LATHE_TEST_ENVIRONMENT
      "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/tsan/suppressions.txt:atexit_sleep_ms=0")
  # Stands before the libraries' own functions, in every program that the sanitizer is run on.
  add_library(lathe_happens_before OBJECT "${CMAKE_SOURCE_DIR}/tests/tsan/happens_before.cc")
  target_include_directories(lathe_happens_before SYSTEM PRIVATE "${ROCKSDB_INCLUDE_DIR}")
  target_link_libraries(lathe_happens_before PUBLIC absl::synchronization gRPC::grpc++
                                                    ${CMAKE_DL_LIBS})
endif()

# A library of a room. Sources are listed, never globbed; includes start at the project's root.
function(lathe_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE_DEPENDS})
endfunction()

# A GoogleTest program; each of its test cases is a ctest case.
# The label `threads` adds it to what the thread sanitizer is run on.
function(lathe_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS;DEFINITIONS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE LATHE_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                                             ${ARG_DEFINITIONS})
  if("threads" IN_LIST ARG_LABELS)
    add_dependencies(lathe_threads_tests ${name})
    if(TARGET lathe_happens_before)
      target_link_libraries(${name} PRIVATE lathe_happens_before)
    endif()
  endif()
  set(properties TIMEOUT ${ARG_TIMEOUT})  # an empty value would take the next name for its own
  if(ARG_LABELS)
    list(APPEND properties LABELS "${ARG_LABELS}")
  endif()
  if(LATHE_TEST_ENVIRONMENT)
    list(APPEND properties ENVIRONMENT "${LATHE_TEST_ENVIRONMENT}")
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
endfunction()

# lathe_kernel_builds(VARIABLE PREFIX): the builds of loops that are compiled once for each kind of
# machine, PREFIX_portable.cc and, on x86-64, PREFIX_avx2.cc and PREFIX_avx512.cc, as a list. Errno
# and traps of arithmetic are nothing that anybody looks at; no result depends on either. Nothing in
# one build is called from another, whose vectors may be passed otherwise.
function(lathe_kernel_builds variable prefix)
  set(options -O3 -fno-math-errno -fno-trapping-math -Wno-psabi)
  set(sources ${prefix}_portable.cc)
  set_source_files_properties(${prefix}_portable.cc PROPERTIES COMPILE_OPTIONS "${options}")
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    list(APPEND sources ${prefix}_avx2.cc ${prefix}_avx512.cc)
    set_source_files_properties(${prefix}_avx2.cc PROPERTIES
      COMPILE_OPTIONS "${options};-mavx2;-mfma")
    set_source_files_properties(${prefix}_avx512.cc PROPERTIES
      COMPILE_OPTIONS
        "${options};-mavx512f;-mavx512dq;-mavx512vl;-mfma;-mprefer-vector-width=512")
  endif()
  set(${variable} ${sources} PARENT_SCOPE)
endfunction()
