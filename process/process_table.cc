#include "process/process_table.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <system_error>

namespace lathe {
namespace {

namespace fs = std::filesystem;

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

std::optional<ProcessEntry> ReadEntry(const std::string& name) {
  ProcessEntry entry;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), entry.pid);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  // "PID (NAME) STATE PARENT GROUP ...", where NAME may hold anything, also a parenthesis.
  const std::string stat = ReadProcFile(name, "stat");
  const size_t after_name = stat.rfind(')');
  if (after_name == std::string::npos) return std::nullopt;
  std::istringstream fields(stat.substr(after_name + 1));
  char state = 0;
  if (!(fields >> state >> entry.parent >> entry.group)) return std::nullopt;
  entry.zombie = state == 'Z' || state == 'X';
  return entry;
}

bool HasMark(pid_t pid, const std::string& mark) {
  const std::string environment = '\0' + ReadProcFile(std::to_string(pid), "environ") + '\0';
  const std::string wanted = '\0' + std::string(kTreeVariable) + "=" + mark;
  const size_t found = environment.find(wanted);
  if (found == std::string::npos) return false;
  const char next = environment[found + wanted.size()];
  return next == '\0' || next == '/';
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

std::vector<pid_t> FindTree(const std::vector<ProcessEntry>& processes, pid_t head,
                            const std::string& mark) {
  std::set<pid_t> tree = {head};
  for (const ProcessEntry& entry : processes) {
    if (entry.group == head || (!entry.zombie && HasMark(entry.pid, mark))) tree.insert(entry.pid);
  }
  for (size_t before = 0; before != tree.size();) {  // until no descendant is new
    before = tree.size();
    for (const ProcessEntry& entry : processes) {
      if (tree.contains(entry.parent)) tree.insert(entry.pid);
    }
  }
  std::vector<pid_t> alive;
  for (const ProcessEntry& entry : processes) {
    if (!entry.zombie && tree.contains(entry.pid)) alive.push_back(entry.pid);
  }
  return alive;
}

}  // namespace lathe
