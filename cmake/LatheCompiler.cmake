# How everything is compiled: language, warnings, linker, cache, sanitizers.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(LATHE_CCACHE ccache)
if(LATHE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${LATHE_CCACHE}")
endif()
find_program(LATHE_MOLD mold)
if(LATHE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# False positives of g++ 12: -Wrestrict inside std::string, -Wmaybe-uninitialized inside StatusOr.
add_compile_options(-Wall -Wextra -Wshadow -Wno-restrict -Wno-maybe-uninitialized)
# Results must not depend on where the compiler chose to fuse a multiply and an add.
add_compile_options(-ffp-contract=off)

if(LATHE_SANITIZE)
  add_compile_options(-fsanitize=${LATHE_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LATHE_SANITIZE})
  add_compile_definitions(LATHE_SANITIZED)
endif()
