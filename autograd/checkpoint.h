// Memory for time: parts of a network that are computed again in the backward.
#pragma once

#include <functional>
#include <type_traits>

#include <ember/autograd/node.h>

namespace ember::autograd {

// f(inputs), recorded as one node that keeps the inputs only: backward calls f again, recorded, and goes through that.
// f must give the same results for the same inputs. Its random numbers are the same the second time
// (preserve_rng_state: the default generators of the CPU and of the inputs' devices are set back for it and afterwards
// restored).
//
// Gradients flow to the inputs and to the leaves that f uses of itself (a module's parameters, say), into their grad().
// Where only some gradients are asked for: autograd::grad() gives those of the inputs and of what is before them, but
// not of leaves that f uses of itself; backward() with inputs is an Error. With create_graph the backward is recorded.
variable_list checkpoint(std::function<variable_list(const variable_list&)> f, const variable_list& inputs,
                         bool preserve_rng_state = true);

// The same for an f that takes tensors one by one and returns one: checkpoint([](Tensor x, Tensor y) { … }, x, y).
template <class F, class... T>
requires(sizeof...(T) > 0 && (std::is_convertible_v<T, const Tensor&> && ...) &&
         std::is_convertible_v<std::invoke_result_t<F&, const T&...>, Tensor>) Tensor
    checkpoint(F f, const T&... inputs) {
  const auto g = [f](const variable_list& x) mutable {
    return [&]<size_t... I>(std::index_sequence<I...>) { return variable_list{f(x[I]...)}; }
    (std::index_sequence_for<T...>());
  };
  return checkpoint(std::function<variable_list(const variable_list&)>(g), variable_list{inputs...})[0];
}

}  // namespace ember::autograd
