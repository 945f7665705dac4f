// Random tensors. The same seed gives the same numbers, on the CPU those that PyTorch draws.
#pragma once

#include <string_view>
#include <tuple>
#include <vector>

#include <ember/core/tensor.h>

namespace ember {

Tensor rand(IntArrayRef size, const TensorOptions& options = {});
Tensor rand(IntArrayRef size, std::optional<Generator> generator, const TensorOptions& options = {});
Tensor& rand_out(Tensor& out, IntArrayRef size);
Tensor& rand_out(Tensor& out, IntArrayRef size, std::optional<Generator> generator);
Tensor randn(IntArrayRef size, const TensorOptions& options = {});
Tensor randn(IntArrayRef size, std::optional<Generator> generator, const TensorOptions& options = {});
Tensor& randn_out(Tensor& out, IntArrayRef size);
Tensor& randn_out(Tensor& out, IntArrayRef size, std::optional<Generator> generator);
Tensor randint(int64_t high, IntArrayRef size, const TensorOptions& options = kInt64);
Tensor randint(int64_t high, IntArrayRef size, std::optional<Generator> generator,
               const TensorOptions& options = kInt64);
Tensor randint(int64_t low, int64_t high, IntArrayRef size, const TensorOptions& options = kInt64);
Tensor randint(int64_t low, int64_t high, IntArrayRef size, std::optional<Generator> generator,
               const TensorOptions& options = kInt64);
Tensor& randint_out(Tensor& out, int64_t high, IntArrayRef size);
Tensor& randint_out(Tensor& out, int64_t high, IntArrayRef size, std::optional<Generator> generator);
Tensor& randint_out(Tensor& out, int64_t low, int64_t high, IntArrayRef size);
Tensor& randint_out(Tensor& out, int64_t low, int64_t high, IntArrayRef size, std::optional<Generator> generator);
Tensor randperm(int64_t n, const TensorOptions& options = kInt64);
Tensor randperm(int64_t n, std::optional<Generator> generator, const TensorOptions& options = kInt64);
Tensor& randperm_out(Tensor& out, int64_t n);
Tensor& randperm_out(Tensor& out, int64_t n, std::optional<Generator> generator);
Tensor rand_like(const Tensor& self, const TensorOptions& options = {},
                 std::optional<MemoryFormat> memory_format = std::nullopt);
Tensor rand_like(const Tensor& self, std::optional<Generator> generator, const TensorOptions& options = {},
                 std::optional<MemoryFormat> memory_format = std::nullopt);
Tensor randn_like(const Tensor& self, const TensorOptions& options = {},
                  std::optional<MemoryFormat> memory_format = std::nullopt);
Tensor randn_like(const Tensor& self, std::optional<Generator> generator, const TensorOptions& options = {},
                  std::optional<MemoryFormat> memory_format = std::nullopt);
Tensor randint_like(const Tensor& self, int64_t high, const TensorOptions& options = {},
                    std::optional<MemoryFormat> memory_format = std::nullopt);
Tensor randint_like(const Tensor& self, int64_t low, int64_t high, const TensorOptions& options = {},
                    std::optional<MemoryFormat> memory_format = std::nullopt);
Tensor randint_like(const Tensor& self, int64_t high, std::optional<Generator> generator,
                    const TensorOptions& options = {}, std::optional<MemoryFormat> memory_format = std::nullopt);
Tensor randint_like(const Tensor& self, int64_t low, int64_t high, std::optional<Generator> generator,
                    const TensorOptions& options = {}, std::optional<MemoryFormat> memory_format = std::nullopt);
// `high` is one number.
Tensor randint_like(const Tensor& self, const Tensor& high, const TensorOptions& options = {},
                    std::optional<MemoryFormat> memory_format = std::nullopt);
Tensor normal(const Tensor& mean, double std = 1, std::optional<Generator> generator = std::nullopt);
Tensor normal(double mean, const Tensor& std, std::optional<Generator> generator = std::nullopt);
Tensor normal(const Tensor& mean, const Tensor& std, std::optional<Generator> generator = std::nullopt);
Tensor normal(double mean, double std, IntArrayRef size, std::optional<Generator> generator = std::nullopt,
              const TensorOptions& options = {});
Tensor& normal_out(Tensor& out, const Tensor& mean, double std = 1, std::optional<Generator> generator = std::nullopt);
Tensor& normal_out(Tensor& out, double mean, const Tensor& std, std::optional<Generator> generator = std::nullopt);
Tensor& normal_out(Tensor& out, const Tensor& mean, const Tensor& std,
                   std::optional<Generator> generator = std::nullopt);
Tensor& normal_out(Tensor& out, double mean, double std, IntArrayRef size,
                   std::optional<Generator> generator = std::nullopt);
Tensor& normal_out(Tensor& out, const Tensor& self, double mean = 0, double std = 1,
                   std::optional<Generator> generator = std::nullopt);
Tensor bernoulli(const Tensor& self, std::optional<Generator> generator = std::nullopt);
Tensor bernoulli(const Tensor& self, double p, std::optional<Generator> generator = std::nullopt);
Tensor bernoulli(const Tensor& self, const Tensor& p, std::optional<Generator> generator = std::nullopt);
Tensor& bernoulli_out(Tensor& out, const Tensor& self, std::optional<Generator> generator = std::nullopt);
Tensor& bernoulli_out(Tensor& out, const Tensor& self, const Tensor& p,
                      std::optional<Generator> generator = std::nullopt);
Tensor& bernoulli_out(Tensor& out, const Tensor& self, double p = 0.5,
                      std::optional<Generator> generator = std::nullopt);
Tensor multinomial(const Tensor& self, int64_t num_samples, bool replacement = false,
                   std::optional<Generator> generator = std::nullopt);
Tensor& multinomial_out(Tensor& out, const Tensor& self, int64_t num_samples, bool replacement = false,
                        std::optional<Generator> generator = std::nullopt);

// LibTorch's names of the CUDA generators. Here, since in core/ the namespace would hide ember::detail from cuda/.
namespace cuda::detail {
const Generator& getDefaultCUDAGenerator(DeviceIndex device_index = -1);
Generator createCUDAGenerator(DeviceIndex device_index = -1);
}  // namespace cuda::detail

}  // namespace ember
