#include "process/process_table.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kKernelThread = 0x00200000;  // PF_KTHREAD of the kernel's sources

// What could be read of it: the process may end meanwhile. Not by streams, which throw then.
std::string ReadProcFile(const std::string& pid, const char* name) {
  const int file = open(("/proc/" + pid + "/" + name).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return "";
  std::string text;
  char part[4096];
  for (ssize_t count; (count = read(file, part, sizeof(part))) > 0;) {
    text.append(part, static_cast<size_t>(count));
  }
  close(file);
  return text;
}

std::optional<ProcessEntry> ReadStat(const std::string& name) {
  ProcessEntry entry;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), entry.pid);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  // "PID (NAME) STATE PARENT GROUP SESSION TERMINAL GROUP FLAGS ...", where NAME may hold anything,
  // also a parenthesis.
  const std::string stat = ReadProcFile(name, "stat");
  const size_t after_name = stat.rfind(')');
  if (after_name == std::string::npos) return std::nullopt;
  std::istringstream fields(stat.substr(after_name + 1));
  char state = 0;
  int session = 0, terminal = 0, foreground = 0;
  unsigned flags = 0;
  fields >> state >> entry.parent >> entry.group >> session >> terminal >> foreground >> flags;
  if (!fields || (flags & kKernelThread) != 0) return std::nullopt;
  entry.zombie = state == 'Z' || state == 'X';
  return entry;
}

std::string TreeOf(const std::string& environment) {
  const std::string variable = '\0' + std::string(kTreeVariable) + "=";
  const size_t found = ('\0' + environment).find(variable);
  if (found == std::string::npos) return "";
  return environment.c_str() + found + variable.size() - 1;  // up to the zero that ends it
}

std::optional<ProcessEntry> ReadEntry(const std::string& name) {
  std::optional<ProcessEntry> entry = ReadStat(name);
  if (!entry || entry->zombie) return entry;
  const std::string environment = ReadProcFile(name, "environ");
  entry->tree = TreeOf(environment);
  entry->changing = environment.empty() && ReadProcFile(name, "cmdline").empty();
  return entry;
}

}  // namespace

std::vector<ProcessEntry> ListProcesses() {
  std::vector<ProcessEntry> processes;
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const auto entry = ReadEntry(it->path().filename().string());
    if (entry && entry->pid != getpid()) processes.push_back(*entry);
  }
  return processes;
}

std::set<pid_t> FindTree(const std::vector<ProcessEntry>& processes, const std::set<pid_t>& roots,
                         const std::string& mark) {
  std::set<pid_t> tree = roots;
  for (const ProcessEntry& entry : processes) {
    if (roots.contains(entry.group) || entry.tree.starts_with(mark)) tree.insert(entry.pid);
  }
  for (size_t before = 0; before != tree.size();) {  // until no descendant is new
    before = tree.size();
    for (const ProcessEntry& entry : processes) {
      if (tree.contains(entry.parent)) tree.insert(entry.pid);
    }
  }
  std::set<pid_t> alive;
  for (const ProcessEntry& entry : processes) {
    if (!entry.zombie && tree.contains(entry.pid)) alive.insert(entry.pid);
  }
  return alive;
}

}  // namespace lathe
