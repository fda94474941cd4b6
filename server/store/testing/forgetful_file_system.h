// A file system that knows how much of each file has been forced to the disk, so that a test can
// look at what a power loss would leave.
#ifndef LATHE_SERVER_STORE_TESTING_FORGETFUL_FILE_SYSTEM_H_
#define LATHE_SERVER_STORE_TESTING_FORGETFUL_FILE_SYSTEM_H_

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace lathe {

class ForgetfulFileSystem : public rocksdb::FileSystemWrapper {
 public:
  ForgetfulFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  const char* Name() const override { return "ForgetfulFileSystem"; }

  // A copy of a directory in which every file ends where it was last synced.
  void CopyAfterPowerLoss(const std::string& directory, const std::string& copy) const {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      const std::filesystem::path to = copy / entry.path().filename();
      std::filesystem::copy_file(entry.path(), to);
      const auto synced = synced_.find(entry.path().string());
      if (synced != synced_.end()) std::filesystem::resize_file(to, synced->second);
    }
  }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override {
    rocksdb::IOStatus status = target()->NewWritableFile(path, options, file, context);
    if (!status.ok()) return status;
    const std::lock_guard lock(mutex_);
    synced_[path] = 0;
    *file = std::make_unique<File>(std::move(*file), path, *this);
    return status;
  }

  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override {
    rocksdb::IOStatus status = target()->RenameFile(from, to, options, context);
    const std::lock_guard lock(mutex_);
    if (auto node = synced_.extract(from); status.ok() && !node.empty()) {
      synced_[to] = node.mapped();
    }
    return status;
  }

 private:
  class File : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSWritableFile> file, std::string path,
         ForgetfulFileSystem& system)
        : FSWritableFileOwnerWrapper(std::move(file)), path_(std::move(path)), system_(system) {}

    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* context) override {
      return Noted(FSWritableFileOwnerWrapper::Sync(options, context));
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                            rocksdb::IODebugContext* context) override {
      return Noted(FSWritableFileOwnerWrapper::Fsync(options, context));
    }

   private:
    rocksdb::IOStatus Noted(rocksdb::IOStatus status) {
      const std::lock_guard lock(system_.mutex_);
      if (status.ok()) system_.synced_[path_] = std::filesystem::file_size(path_);
      return status;
    }

    const std::string path_;
    ForgetfulFileSystem& system_;
  };

  mutable std::mutex mutex_;
  std::map<std::string, uint64_t> synced_;  // bytes, by path
};

}  // namespace lathe

#endif  // LATHE_SERVER_STORE_TESTING_FORGETFUL_FILE_SYSTEM_H_
