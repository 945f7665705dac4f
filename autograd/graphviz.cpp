#include <ember/autograd/graphviz.h>

#include <ember/autograd/autograd_meta.h>

#include <sstream>
#include <unordered_map>
#include <vector>

namespace ember {

namespace {

std::string shape_of(const Tensor& t) {
  std::string s = "(";
  for (size_t d = 0; d < t.sizes().size(); ++d) s += (d == 0 ? "" : ", ") + std::to_string(t.sizes()[d]);
  return s + ")";
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

class DotWriter {
 public:
  std::string write(const Tensor& root) {
    out_ << "digraph ember {\n"
            "  rankdir=TB;\n"
            "  node [shape=box, style=filled, fillcolor=\"#f2f2f2\", fontname=\"Helvetica\", fontsize=11];\n"
            "  edge [color=\"#555555\"];\n";
    const autograd::Edge edge = autograd::gradient_edge(root);
    out_ << "  result [label=" << newlines(quoted("result\n" + shape_of(root) + " " + dtype_name(root.dtype())))
         << ", shape=ellipse, fillcolor=\"#cfe8cf\"];\n";
    add(edge.function.get());
    out_ << "  n" << numbers_[edge.function.get()] << " -> result;\n";
    for (size_t i = 0; i < nodes_.size(); ++i) write_node(i);  // grows while it runs
    out_ << "}\n";
    return out_.str();
  }

 private:
  void add(const autograd::Node* node) {
    if (numbers_.emplace(node, nodes_.size()).second) nodes_.push_back(node);
  }

  void write_node(size_t i) {
    const autograd::Node& node = *nodes_[i];
    const Tensor leaf = node.variable();
    if (node.num_outputs() == 0) {
      const std::string label =
          leaf.defined() ? "leaf\n" + shape_of(leaf) + " " + dtype_name(leaf.dtype()) : "leaf (gone)";
      out_ << "  n" << i << " [label=" << newlines(quoted(label)) << ", fillcolor=\"#cfe0f5\"];\n";
      return;
    }
    out_ << "  n" << i << " [label=" << quoted(node.name()) << "];\n";
    size_t s = 0;
    for (const autograd::SavedTensor* saved = node.saved(); saved != nullptr; saved = saved->next()) {
      if (!saved->peek().defined()) continue;
      out_ << "  n" << i << "s" << s << " [label="
           << newlines(quoted(std::string(saved->is_output() ? "saved result" : "saved") + "\n" +
                              shape_of(saved->peek()) + " " + dtype_name(saved->peek().dtype())))
           << ", shape=note, fillcolor=\"#fbe9c6\", fontsize=9];\n";
      out_ << "  n" << i << "s" << s << " -> n" << i << " [style=dashed, dir=none];\n";
      ++s;
    }
    for (const autograd::Edge& edge : node.next_edges()) {
      if (!edge.is_valid()) continue;
      add(edge.function.get());
      out_ << "  n" << numbers_[edge.function.get()] << " -> n" << i << ";\n";
    }
  }

  // A line break inside a DOT string is written \n.
  static std::string newlines(const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '\n' ? std::string("\\n") : std::string(1, c);
    return out;
  }

  std::ostringstream out_;
  std::unordered_map<const autograd::Node*, size_t> numbers_;
  std::vector<const autograd::Node*> nodes_;
};

}  // namespace

std::string to_dot(const Tensor& root) {
  EMBER_CHECK(root.defined(), "to_dot: expected a tensor, got an undefined one");
  EMBER_CHECK(root.requires_grad(), "to_dot: ", describe(root),
              " has no recorded graph: it does not require gradients");
  return DotWriter().write(root);
}

}  // namespace ember
