#include "clients/job/yaml_document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <map>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

constexpr size_t kMaxDepth = 64;
// What aliases may add to a document, in nodes and bytes of text.
constexpr size_t kMaxAliased = size_t{1} << 18;

// Valid YAML that is not accepted.
class Refusal : public YAML::ParserException {
 public:
  using YAML::ParserException::ParserException;
};

// Grows the tree from the parser's events. Refuses as the parser itself does, by throwing; that
// also ends a parse whose recursion has become too deep.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::deque<YamlNode>* nodes) : nodes_(nodes) {}

  const YamlNode* root() const { return root_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (started_) Fail(mark, "expected the end of the text: more than one document");
    started_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    AttachLeaf(NewNode(YamlNode::Kind::kNull, mark), anchor, mark);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    CheckTag(tag, mark);
    YamlNode* node = NewNode(YamlNode::Kind::kScalar, mark);
    node->plain = tag == "?";
    node->text = value;
    written_ += value.size();
    AttachLeaf(node, anchor, mark);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) Fail(mark, "an alias stands inside the node that it refers to");
    Attach(it->second, mark);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kSequence, mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kMapping, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override { Close(); }

 private:
  // A node with what it amounts to when its aliases are written out.
  struct Subtree {
    YamlNode* node;
    size_t weight;  // nodes and bytes of text
    size_t height;  // levels of sequences and mappings
  };
  struct OpenNode {
    Subtree tree;
    YAML::anchor_t anchor;
    YAML::Mark mark;
  };

  [[noreturn]] static void Fail(const YAML::Mark& mark, const std::string& problem) {
    throw Refusal(mark, problem);
  }

  static void CheckTag(const std::string& tag, const YAML::Mark& mark) {
    // What the parser reports for a node without a tag, and for one in quotes.
    if (tag.empty() || tag == "?" || tag == "!") return;
    Fail(mark, "tags are not allowed: the field decides the type");
  }

  YamlNode* NewNode(YamlNode::Kind kind, const YAML::Mark& mark) {
    YamlNode& node = nodes_->emplace_back();
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    ++written_;
    return &node;
  }

  void Open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    CheckTag(tag, mark);
    if (open_.size() >= kMaxDepth) Fail(mark, "nested too deeply: more than 64 levels");
    open_.push_back({{NewNode(kind, mark), 1, 1}, anchor, mark});
  }

  void Close() {
    const OpenNode closed = open_.back();
    open_.pop_back();
    if (closed.anchor != 0) anchors_[closed.anchor] = closed.tree;
    Attach(closed.tree, closed.mark);
  }

  void AttachLeaf(YamlNode* node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    const Subtree leaf = {node, 1 + node->text.size(), 0};
    if (anchor != 0) anchors_[anchor] = leaf;
    Attach(leaf, mark);
  }

  void Attach(const Subtree& tree, const YAML::Mark& mark) {
    if (open_.empty()) {
      root_ = tree.node;
      return;
    }
    Subtree& parent = open_.back().tree;
    PlaceAtKey(*parent.node, tree.node);
    parent.node->children.push_back(tree.node);
    parent.weight += tree.weight;
    parent.height = std::max(parent.height, tree.height + 1);
    if (parent.weight > written_ + kMaxAliased) Fail(mark, "aliases stand for too much text");
    if (open_.size() + tree.height > kMaxDepth) {
      Fail(mark, "nested too deeply: more than 64 levels");
    }
  }

  // The parser places a missing value where the next thing begins, lines below its key.
  static void PlaceAtKey(const YamlNode& parent, YamlNode* node) {
    if (parent.kind != YamlNode::Kind::kMapping || parent.children.size() % 2 == 0) return;
    if (node->kind != YamlNode::Kind::kNull) return;
    node->line = parent.children.back()->line;
    node->column = parent.children.back()->column;
  }

  std::deque<YamlNode>* nodes_;
  const YamlNode* root_ = nullptr;
  bool started_ = false;
  size_t written_ = 0;  // weight of the document as it is written, so far
  std::vector<OpenNode> open_;
  std::map<YAML::anchor_t, Subtree> anchors_;  // closed nodes only
};

absl::Status ErrorAt(const YAML::Mark& mark, const TextSource& source, const std::string& problem) {
  const int line = mark.is_null() ? 1 : mark.line + 1;
  const int column = mark.is_null() ? 1 : mark.column + 1;
  return absl::InvalidArgumentError(
      absl::StrCat(source.Place(line, column), ": ", Printable(problem, 200)));
}

}  // namespace

absl::StatusOr<YamlDocument> YamlDocument::Parse(std::string_view text, const TextSource& source) {
  if (absl::Status status = CheckText(text, source); !status.ok()) return status;
  YamlDocument document;
  TreeBuilder builder(&document.nodes_);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refusal& refusal) {
    return ErrorAt(refusal.mark, source, refusal.msg);
  } catch (const YAML::Exception& error) {
    return ErrorAt(error.mark, source, absl::StrCat("not valid YAML: ", error.msg));
  } catch (const std::exception& error) {
    return ErrorAt(YAML::Mark::null_mark(), source, absl::StrCat("not valid YAML: ", error.what()));
  }
  document.root_ = builder.root();
  if (document.root_ == nullptr) document.root_ = &document.nodes_.emplace_back();
  return document;
}

}  // namespace lathe
