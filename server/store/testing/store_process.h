// The program store_writer as a child process. Not thread-safe.
#ifndef LATHE_SERVER_STORE_TESTING_STORE_PROCESS_H_
#define LATHE_SERVER_STORE_TESTING_STORE_PROCESS_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

namespace lathe {

class StoreProcess {
 public:
  explicit StoreProcess(const std::vector<std::string>& arguments) {
    int input[2], output[2];
    EXPECT_EQ(pipe2(input, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(output, O_CLOEXEC), 0);
    std::vector<char*> argv = {const_cast<char*>(LATHE_STORE_WRITER)};
    for (const std::string& argument : arguments)
      argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(input[0], STDIN_FILENO);
      dup2(output[1], STDOUT_FILENO);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(input[0]);
    close(output[1]);
    input_ = input[1];
    output_ = output[0];
  }
  ~StoreProcess() {
    if (pid_ > 0) Kill();
    close(input_);
    close(output_);
  }
  StoreProcess(const StoreProcess&) = delete;
  StoreProcess& operator=(const StoreProcess&) = delete;

  // Whether the process wrote that many bytes before it ended.
  bool Read(void* bytes, size_t size) {
    for (size_t have = 0; have < size;) {
      const ssize_t got = read(output_, static_cast<char*>(bytes) + have, size - have);
      if (got <= 0) return false;
      have += static_cast<size_t>(got);
    }
    return true;
  }
  // The status that waitpid tells.
  int Wait() {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    pid_ = 0;
    return status;
  }
  void Kill() {
    kill(pid_, SIGKILL);
    Wait();
  }

 private:
  pid_t pid_ = 0;
  int input_ = -1, output_ = -1;
};

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_TESTING_STORE_PROCESS_H_
