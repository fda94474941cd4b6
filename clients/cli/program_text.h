// Programs for a reader: laid out, and with names for what the text does not name.
#ifndef LATHE_CLIENTS_CLI_PROGRAM_TEXT_H_
#define LATHE_CLIENTS_CLI_PROGRAM_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

#include "dsl/buffers.h"
#include "dsl/program.h"

namespace lathe {

// The text with its blanks as Print() has them and nothing else changed: every token stays as it is
// written, every line with a token stays a line, and so do comments. Of consecutive lines that end
// in a comment, the comments begin in one column. Runs of empty lines become one; there is none at
// either end. `text` parses.
std::string FormatProgramText(std::string_view text);

// A buffer by what its reduction is called: "mu", an output, or "next m".
struct NamedBuffer {
  std::string name;
  std::string op;
  Buffer buffer;
};
std::vector<NamedBuffer> NamedBuffers(const Program& program);

}  // namespace lathe

#endif  // LATHE_CLIENTS_CLI_PROGRAM_TEXT_H_
