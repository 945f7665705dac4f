// The engine: runs the nodes of a graph in reverse order of their making.
#pragma once

#include <optional>
#include <vector>

#include <ember/autograd/node.h>

namespace ember::autograd {

struct EngineOptions {
  bool keep_graph = false;    // do not free what the nodes saved
  bool create_graph = false;  // record the backward itself
  bool accumulate = true;     // false: only `captures` are wanted, leaves get nothing
  // The captured edges are where the graph ends: all of it up to there runs, nothing behind.
  bool stop_at_captures = false;
  // The one root's gradient is 1, which nobody has made: its node takes a note for it (Node::takes_note_of_one).
  bool one_is_noted = false;
};

// What the backward that runs in this thread is after: all leaves, the leaves among its inputs, or only gradients.
enum class RunKind { Full, SomeLeaves, GradientsOnly };
RunKind running_kind();

// Runs the graph behind `roots` with their gradients. With `captures`, only the nodes on the way to them
// run, and the gradient that arrives at each is returned, in order (undefined where none does); captured
// leaves are accumulated into as well where options.accumulate. Iterative: the depth of the graph does not
// matter. Nodes run on the streams of their operations; when it returns, the work queued later on the
// caller's streams sees all gradients. May be called from within a node.
std::vector<Tensor> run_backward(const std::vector<Edge>& roots, std::vector<Tensor> grads,
                                 const std::vector<Edge>& captures, const EngineOptions& options);

// For a node that does a part of the work of the node behind it, where both together are computed quicker: it gives the
// gradient as that node would have changed it, and leaves a note that says so. (The engine leaves one too, see
// EngineOptions::one_is_noted.)
namespace internal {
// Whether the gradient that `from`, which runs, is about to give to `to` is all that `to` gets in this backward, and
// nobody sees it in between: there is no hook, no retain_grad() and no anomaly mode, and `to` is not captured. Both
// have one stream. False if in doubt.
bool only_gradient(const Node& from, const Node& to);
// Leaves a note for `to`, of which only_gradient() was true. It lasts as long as this backward.
void leave_note(const Node& to, Tensor note);
// The note for `node`, which runs; once.
std::optional<Tensor> take_note(const Node& node);
}  // namespace internal

}  // namespace ember::autograd
