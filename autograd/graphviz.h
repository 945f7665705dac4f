// A picture of a recorded graph.
#pragma once

#include <string>

#include <ember/core/tensor.h>

namespace ember {

// The graph behind `root` in Graphviz's DOT language: operations as boxes, the tensors they saved, and the
// leaves with their shapes; edges run from inputs to results. Throws Error if `root` has no graph.
std::string to_dot(const Tensor& root);

}  // namespace ember
