// Functional: a function as a module, so that it can stand in a Sequential. It has no state, and is not serialized.
//
//   Sequential net(Linear(3, 4), Functional(relu), Functional(leaky_relu, 0.1));  // 0.1: the second argument
#pragma once

#include <functional>
#include <utility>

#include <ember/nn/cloneable.h>

namespace ember::nn {

class FunctionalImpl : public Cloneable<FunctionalImpl> {
 public:
  using Function = std::function<Tensor(Tensor)>;

  explicit FunctionalImpl(Function function);
  // forward(x) calls function(x, arguments…).
  template <class F, class... Args>
  requires(sizeof...(Args) > 0) explicit FunctionalImpl(F function, Args&&... arguments)
      : function_(std::bind(function, std::placeholders::_1, std::forward<Args>(arguments)...)) {}

  Tensor forward(Tensor input);
  Tensor operator()(Tensor input);

  void reset() override {}
  void pretty_print(std::ostream& stream) const override;
  bool is_serializable() const override { return false; }

 private:
  Function function_;
};
extern template class Cloneable<FunctionalImpl>;
EMBER_MODULE(Functional);

}  // namespace ember::nn
