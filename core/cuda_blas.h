// How the matrix products of CUDA devices are computed: settings of the whole process, which every build has. A
// change applies to the products that are called after it.
#pragma once

namespace ember::cuda {

// Whether products of float32 may round their factors to TF32 (10 bits of mantissa in the place of 23), which tensor
// cores multiply many times quicker. Off unless it is set. Sums are of float32 in any case, those of the 2-byte floats
// too.
bool allow_tf32();
void set_allow_tf32(bool allowed);

// Whether the first product of each shape measures some kernels that cuBLASLt proposes, and what is fused against what
// is not, and stays with the quickest until the process ends. Off, unless EMBER_CUDA_TUNE=1 is in the environment: what
// is measured differs from run to run, the kernels may round differently, and so may the results of two runs; within a
// run equal calls give equal bits. While a stream is captured nothing is measured.
bool benchmark();
void set_benchmark(bool enabled);

}  // namespace ember::cuda
