// The processes of this machine, as /proc has them, and which of them belong together.
#ifndef LATHE_PROCESS_PROCESS_TABLE_H_
#define LATHE_PROCESS_PROCESS_TABLE_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace lathe {

// Of the environment of a ChildProcess; its value is a path, from ancestor to descendant, of what
// tells trees apart: "5d1c.../08fa...".
inline constexpr char kTreeVariable[] = "LATHE_PROCESS_TREE";

struct ProcessEntry {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  bool zombie = false;
};

// All but this one that could be read; they come and go meanwhile.
std::vector<ProcessEntry> ListProcesses();

// Of these, without zombies: `head`, its group, its descendants, and all whose environment has
// `mark` or a path below it.
std::vector<pid_t> FindTree(const std::vector<ProcessEntry>& processes, pid_t head,
                            const std::string& mark);

}  // namespace lathe

#endif  // LATHE_PROCESS_PROCESS_TABLE_H_
