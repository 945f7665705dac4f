// The choice of a kernel by measurement, which cuda::benchmark() asks for.
#pragma once

#include <array>

#include <ember/core/tensor.h>
#include <ember/cuda/blas.h>
#include <ember/cuda/lt_problem.h>

namespace ember::cuda {

// A function to call, which it refers to.
template <class Signature>
class FunctionRefOf;
template <class R, class... P>
class FunctionRefOf<R(P...)> {
 public:
  template <class F>
  explicit FunctionRefOf(const F& f)
      : object_(&f), call_([](const void* object, P... p) -> R { return (*static_cast<const F*>(object))(p...); }) {}
  R operator()(P... p) const { return call_(object_, p...); }

 private:
  const void* object_;
  R (*call_)(const void*, P...);
};
using FunctionRef = FunctionRefOf<void()>;

// A kernel of cuBLASLt, or none.
struct LtChoice {
  bool usable = false;
  cublasLtMatmulAlgo_t algo{};
  size_t workspace = 0;  // bytes
};
// Those that the heuristics propose, the most promising one first.
struct LtCandidates {
  static constexpr int kMost = 4;
  std::array<LtChoice, kMost> choices;
  int count = 0;
};

// Memory for an epilogue's aux: a mask, or an [m, n] matrix with its rows aux_ld apart.
Tensor empty_aux(Epilogue epilogue, int64_t m, int64_t n, ScalarType dtype, Device device);

// A problem with memory of its own to write to, of the same strides and alignment. Zeros to begin with: with a beta it
// is read too.
class ScratchGemm {
 public:
  ScratchGemm(const Gemm& gemm, const LaunchScope& scope);
  const Gemm& gemm() const { return gemm_; }
  // Of one matrix: as a tensor.
  Tensor matrix() const;
  Tensor vector() const;  // of the epilogues that write one
  Tensor aux() const;     // of BiasGeluAux, as a matrix

 private:
  Gemm gemm_;
  Tensor memory_;
  int64_t offset_ = 0;  // in elements
  Tensor vector_, aux_;
};

// Whether work may be queued on the stream that is not to be part of a graph, and waited for.
bool can_measure(cudaStream_t stream);

// Queues the product by a kernel and says whether it could; another time it gives the same answer.
using LtRun = FunctionRefOf<bool(const LtChoice&)>;

// The candidate that is quickest, or none if `otherwise`, which does the same without cuBLASLt or in several steps, is
// quicker than all; both write to memory of their own. Measured once for a key and device, and the same choice from
// then on in every thread. The times are logged (EMBER_LOG=info).
LtChoice quickest(const LaunchScope& scope, const LtKey& key, const Gemm& gemm, const LtCandidates& candidates,
                  LtRun run, FunctionRef otherwise);

}  // namespace ember::cuda
