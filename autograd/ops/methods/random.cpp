// Methods of Tensor that are their free functions of functions/random.h. The others are defined beside what they do.
#include <ember/autograd/functions.h>

namespace ember {

Tensor Tensor::bernoulli(std::optional<Generator> generator) const { return ember::bernoulli(*this, generator); }
Tensor Tensor::bernoulli(double p, std::optional<Generator> generator) const {
  return ember::bernoulli(*this, p, generator);
}
Tensor Tensor::multinomial(int64_t num_samples, bool replacement, std::optional<Generator> generator) const {
  return ember::multinomial(*this, num_samples, replacement, generator);
}

}  // namespace ember
