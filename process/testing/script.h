// Shell scripts as children of tests, and what they print.
#ifndef LATHE_PROCESS_TESTING_SCRIPT_H_
#define LATHE_PROCESS_TESTING_SCRIPT_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "process/child_process.h"
#include "process/process_table.h"

namespace lathe {

// What is written to one end is read from the other.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe2(ends_, O_CLOEXEC), 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close(ends_[0]);
    CloseWriting();
  }

  int Reading() const { return ends_[0]; }
  int Writing() const { return ends_[1]; }
  void CloseWriting() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

  // Up to the end of a line, which is left out, or of everything.
  std::string ReadLine() {
    std::string line;
    for (char c = 0; ReadByte(c) && c != '\n';) line += c;
    return line;
  }

  // A line; 0 if it is no number.
  pid_t ReadNumber() { return std::atoi(ReadLine().c_str()); }

  // Up to when the last process that could write is gone.
  std::string ReadAll() {
    CloseWriting();
    std::string text;
    for (char c = 0; ReadByte(c);) text += c;
    return text;
  }

 private:
  bool ReadByte(char& c) const {
    ssize_t count = 0;
    do {
      count = read(ends_[0], &c, 1);
    } while (count < 0 && errno == EINTR);
    return count == 1;
  }

  int ends_[2] = {-1, -1};
};

inline ChildProcess StartScript(const std::string& script, const Pipe& output) {
  auto child = ChildProcess::Start(
      {.program = "/bin/sh", .arguments = {"-c", script}, .descriptors = {{output.Writing(), 1}}});
  EXPECT_TRUE(child.ok()) << child.status();
  return *std::move(child);
}

// Whether there is no such process, not even a zombie.
inline bool IsGone(pid_t pid) {
  return kill(pid, 0) != 0 && errno == ESRCH;
}

inline bool Runs(pid_t pid) {
  for (const ProcessEntry& entry : ListProcesses()) {
    if (entry.pid == pid) return !entry.zombie;
  }
  return false;
}

// Whether the condition comes true within 30 s.
template <typename Condition>
bool Eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace lathe

#endif  // LATHE_PROCESS_TESTING_SCRIPT_H_
