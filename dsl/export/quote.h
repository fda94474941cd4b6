// Free text inside the source files of other languages: whatever it holds, it stays text.
//
// What is no UTF-8, and characters that an editor or a compiler would obey, that cannot be seen or
// that change the direction of writing, become '?'; tabs become blanks.
#ifndef LATHE_DSL_EXPORT_QUOTE_H_
#define LATHE_DSL_EXPORT_QUOTE_H_

#include <string>
#include <string_view>

namespace lathe {

// For the inside of a Python docstring in triple double quotes; each line ends in '\n', each but
// the first comes after `indent`.
std::string DocstringText(std::string_view text, std::string_view indent);

// Lines of // comments, with `indent` after the slashes; none of them goes on in the next line.
std::string CppComment(std::string_view text, std::string_view indent);

}  // namespace lathe

#endif  // LATHE_DSL_EXPORT_QUOTE_H_
