#include "clients/cli/store_commands.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>

namespace lathe {
namespace {

constexpr int kFailure = 1;

int CheckStore(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string server = self.parent_path() / "lathe-server";
  std::fflush(stdout);
  execl(server.c_str(), "lathe-server", "--check-store", "--store", directory.c_str(),
        static_cast<char*>(nullptr));
  std::fprintf(stderr, "lathe: %s: %s\n", server.c_str(), std::strerror(errno));
  return kFailure;
}

}  // namespace

void AddStoreCommand(CLI::App& app, int* status) {
  CLI::App* store = app.add_subcommand("store", "Look after a store that no server has open");
  store->require_subcommand(1);
  CLI::App* check =
      store->add_subcommand("check", "Read all of it and tell what is damaged or missing");
  const auto directory = std::make_shared<std::string>();
  check->add_option("DIR", *directory, "Directory of the store")->required();
  check->callback([directory, status] { *status = CheckStore(*directory); });
}

}  // namespace lathe
