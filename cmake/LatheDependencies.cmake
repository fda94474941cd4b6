# Third-party packages, all from Debian by default (scripts/setup installs them).
find_package(Threads REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Protobuf REQUIRED)  # Debian's has no config file: module mode
find_package(gRPC CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(TBB CONFIG REQUIRED)
find_package(GTest CONFIG REQUIRED)

# Not through RocksDB's own config file: the gflags target it brings breaks the one of Torch. The
# shared library, which the thread sanitizer needs.
find_path(ROCKSDB_INCLUDE_DIR rocksdb/db.h REQUIRED)
find_library(ROCKSDB_LIBRARY NAMES librocksdb.so rocksdb REQUIRED)

# Not through libzip's own config file, which asks for programs of another package.
find_path(ZIP_INCLUDE_DIR zip.h REQUIRED)
find_library(ZIP_LIBRARY zip REQUIRED)
find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
find_library(XXHASH_LIBRARY xxhash REQUIRED)
find_path(SLEEF_INCLUDE_DIR sleef.h REQUIRED)
find_library(SLEEF_LIBRARY sleef REQUIRED)
find_path(BOOST_MATH_INCLUDE_DIR boost/math/distributions/students_t.hpp REQUIRED)

# Of the server and the evaluator of populations, which take and give back many small objects.
# Sanitizers bring an allocator of their own.
if(LATHE_SANITIZE)
  set(LATHE_ALLOCATOR "")
else()
  find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
  set(LATHE_ALLOCATOR "${JEMALLOC_LIBRARY}")
endif()

if(LATHE_TORCH)
  # Debian's libtorch by default; CMAKE_PREFIX_PATH takes an official one instead.
  find_package(Torch CONFIG REQUIRED)
endif()
