// A YAML text as a tree of plain values. The one border to the YAML library: what it throws becomes
// a status here, and no bytes make it crash or take unreasonably long.
//
//   absl::StatusOr<YamlDocument> document = YamlDocument::Parse("kind: evolution", {"job.yaml"});
//   document->root().children[1]->text == "evolution"
#ifndef LATHE_CLIENTS_JOB_YAML_DOCUMENT_H_
#define LATHE_CLIENTS_JOB_YAML_DOCUMENT_H_

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/job/source_text.h"

namespace lathe {

struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kSequence, kMapping };

  Kind kind = Kind::kNull;
  bool plain = false;        // a scalar without quotes, whose text decides what it is
  int line = 1, column = 1;  // from 1; columns count bytes
  std::string text;          // of a scalar
  // The elements of a sequence; key, value, key, value ... of a mapping. A node that is used
  // through aliases has several parents; there are no cycles.
  std::vector<const YamlNode*> children;
};

// Owns its nodes. Immutable, so safe to share between threads.
class YamlDocument {
 public:
  // `text` holds one document. Invalid argument names the place. Nesting is limited to 64 levels,
  // and what aliases add to 256 Ki nodes and bytes, so a tree can be walked as it stands.
  static absl::StatusOr<YamlDocument> Parse(std::string_view text, const TextSource& source);

  // Of kind kNull if the text holds nothing.
  const YamlNode& root() const { return *root_; }

 private:
  YamlDocument() = default;

  std::deque<YamlNode> nodes_;  // a deque: nodes stay where they are as it grows and moves
  const YamlNode* root_ = nullptr;
};

}  // namespace lathe

#endif  // LATHE_CLIENTS_JOB_YAML_DOCUMENT_H_
