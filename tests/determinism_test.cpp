// The same seed gives the same numbers, bit for bit: from run to run, and for any number of threads.
#include <gtest/gtest.h>

#include <ember/ember.h>

namespace {

using namespace ember;

using Computation = std::function<std::vector<Tensor>(Device)>;

std::vector<uint8_t> bytes(const std::vector<Tensor>& tensors) {
  std::vector<uint8_t> all;
  for (const Tensor& t : tensors) {
    const Tensor host = t.detach().cpu().contiguous();
    const auto* data = static_cast<const uint8_t*>(host.data_ptr());
    all.insert(all.end(), data, data + host.nbytes());
  }
  return all;
}

// Large enough that every thread gets a part, and sizes that do not divide evenly.
std::vector<Tensor> reductions(Device device) {
  const Tensor x = randn({513, 1031}, device);
  return {x.sum(),
          x.sum(0),
          x.sum(1),
          x.mean(),
          x.t().sum(0),
          x.view({-1}).sum(0),
          x.slice(1, 0, 1031, 3).sum(),
          std::get<1>(x.max(1)),
          x.argmin(),
          x.to(kFloat16).sum()};
}
std::vector<Tensor> products(Device device) {
  const Tensor a = randn({131, 517}, device), b = randn({517, 257}, device), c = randn({7, 31, 45}, device);
  return {a.mm(b),
          b.t().mm(a.t()),
          c.bmm(c.transpose(1, 2)),
          a.mv(b.select(1, 0)),
          a[0].dot(a[1]),
          a.to(kFloat64).mm(b.to(kFloat64))};
}
std::vector<Tensor> softmaxes(Device device) {
  const Tensor x = randn({257, 1031}, device);
  return {x.softmax(1), x.softmax(0), x.log_softmax(1), x.exp(), x.tanh(), x.sigmoid()};
}
std::vector<Tensor> scatters(Device device) {
  const Tensor x = randn({1000, 33}, device);
  const Tensor index = randint(0, 10, {1000}, TensorOptions(kInt64)).to(device);
  const Tensor target = zeros({10, 33}, device);
  return {index_add(target, 0, index, x), scatter_add(target, 0, index.unsqueeze(1).expand({1000, 33}), x)};
}
std::vector<Tensor> randoms(Device device) {
  return {rand({10007}, device),
          randn({10007}, device),
          randint(0, 100, {10007}, TensorOptions(kInt64).device(device)),
          bernoulli(full({10007}, 0.3, device)),
          randn({17}, device),
          randn({1}, device),
          dropout(ones({10007}, device), 0.5, true)};
}
std::vector<Tensor> training(Device device) {
  nn::Sequential model(nn::Linear(65, 129), nn::ReLU(), nn::Dropout(0.2), nn::Linear(129, 10));
  model->to(device);
  optim::Adam optimizer(model->parameters(), optim::AdamOptions(1e-3));
  const Tensor x = randn({131, 65}, device);
  const Tensor classes = randint(0, 10, {131}, TensorOptions(kInt64)).to(device);
  std::vector<Tensor> losses;
  for (int i = 0; i < 5; ++i) {
    optimizer.zero_grad();
    const Tensor loss = cross_entropy_loss(model->forward(x), classes);
    loss.backward();
    optimizer.step();
    losses.push_back(loss.detach());
  }
  for (const Tensor& p : model->parameters()) losses.push_back(p.detach());
  return losses;
}

struct Named {
  const char* name;
  std::vector<Tensor> (*run)(Device);
};
void PrintTo(const Named& n, std::ostream* out) { *out << n.name; }

class Determinism : public testing::TestWithParam<std::tuple<Named, DeviceType>> {};

TEST_P(Determinism, SameSeedSameBits) {
  const auto& [computation, type] = GetParam();
  const Device device(type);
  if (device.is_cuda() && !cuda::is_available()) GTEST_SKIP() << cuda::why_unavailable();
  const int threads = get_num_threads();
  const auto run = [&, run = computation.run](uint64_t seed) {
    manual_seed(seed);
    return bytes(run(device));
  };
  set_num_threads(1);
  const auto one = run(7);
  EXPECT_FALSE(one.empty());
  EXPECT_EQ(run(7), one) << "from run to run";
  for (const int n : {2, 3, 4}) {
    set_num_threads(n);
    EXPECT_EQ(run(7), one) << "with " << n << " threads";
  }
  EXPECT_NE(run(8), one) << "another seed";
  set_num_threads(threads);
}

INSTANTIATE_TEST_SUITE_P(Of, Determinism,
                         testing::Combine(testing::Values(Named{"reductions", reductions}, Named{"products", products},
                                                          Named{"softmaxes", softmaxes}, Named{"scatters", scatters},
                                                          Named{"randoms", randoms}, Named{"training", training}),
                                          testing::Values(kCPU, kCUDA)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) +
                                  (std::get<1>(info.param) == kCPU ? "_cpu" : "_cuda");
                         });

}  // namespace
