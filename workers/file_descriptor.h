// A file descriptor that is closed once.
#ifndef LATHE_WORKERS_FILE_DESCRIPTOR_H_
#define LATHE_WORKERS_FILE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace lathe {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~FileDescriptor() { Close(); }

  int Number() const { return number_; }
  void Close() {
    if (number_ >= 0) close(std::exchange(number_, -1));
  }

 private:
  int number_ = -1;  // -1: none
};

}  // namespace lathe

#endif  // LATHE_WORKERS_FILE_DESCRIPTOR_H_
