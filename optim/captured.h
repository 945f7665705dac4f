// The optimizers' steps in a captured graph: every replay counts a step and takes the options as they are then. Not a
// public header.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <ember/core/capture.h>
#include <ember/optim/fused.h>
#include <ember/optim/optimizer.h>

namespace ember::optim::detail {

// One parameter of a captured step. The graph has these addresses, which are looked at before every replay.
struct CapturedParameter {
  Tensor parameter;
  const void* data;
  std::vector<const void*> state;  // null where there is none
};

inline std::vector<const void*> addresses(std::initializer_list<const Tensor*> state) {
  std::vector<const void*> result;
  for (const Tensor* t : state) result.push_back(t->defined() ? t->data_ptr() : nullptr);
  return result;
}

// Whether a step of this group is being captured. Throws if one of the parameters cannot be updated by a graph.
inline bool capturing(const char* optimizer, const OptimizerParamGroup& group) {
  if (ember::detail::CapturedValues::current() == nullptr) return false;
  for (const Tensor& p : group.params()) {
    if (!p.grad().defined()) continue;
    EMBER_CHECK(p.is_cuda() && can_fuse(p) && can_fuse_with(p, p.grad()), optimizer, ": the parameter ", describe(p),
                " with the gradient ", describe(p.grad()),
                " cannot be updated in a captured graph, which takes dense ones of a floating dtype on the device");
  }
  return true;
}

// The state of a captured parameter, which an earlier step has made.
template <class ParamState>
ParamState& captured_state(const char* optimizer, Optimizer& self, const Tensor& p) {
  const auto found = self.state().find(p.unsafe_impl());
  auto* const state = found == self.state().end() ? nullptr : dynamic_cast<ParamState*>(found->second.get());
  EMBER_CHECK(state != nullptr, optimizer, ": there is no state for the parameter ", describe(p),
              ": a step must run before it is captured");
  return *state;
}

inline void check_in_place(const char* optimizer, const CapturedParameter& p, const std::vector<const void*>& state) {
  EMBER_CHECK(p.data == p.parameter.data_ptr() && p.state == state, optimizer, ": the parameter ",
              describe(p.parameter),
              " or its state is in another place than when the step was captured; capture it anew");
}

// The optimizer that a graph's values are computed from, wherever it has been moved to.
inline Optimizer& still_there(const char* optimizer, const std::weak_ptr<Optimizer*>& self) {
  const std::shared_ptr<Optimizer*> pointer = self.lock();
  EMBER_CHECK(pointer != nullptr, optimizer, ": the optimizer of a captured step is gone");
  return **pointer;
}

}  // namespace ember::optim::detail
