// The processes of this machine, as /proc has them, and which of them belong together.
#ifndef LATHE_PROCESS_PROCESS_TABLE_H_
#define LATHE_PROCESS_PROCESS_TABLE_H_

#include <sys/types.h>

#include <set>
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
  bool changing = false;  // has no memory of its own yet, or no more: `tree` cannot be read
  std::string tree = "";  // the value of kTreeVariable, if it has one
};

// All but this one that could be read; they come and go meanwhile.
std::vector<ProcessEntry> ListProcesses();

// Of these, without zombies: the roots, the groups that they lead, all whose tree is `mark` or
// below it, and the descendants of all of them, also those of roots that are gone.
std::set<pid_t> FindTree(const std::vector<ProcessEntry>& processes, const std::set<pid_t>& roots,
                         const std::string& mark);

}  // namespace lathe

#endif  // LATHE_PROCESS_PROCESS_TABLE_H_
