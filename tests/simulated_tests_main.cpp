// Tests of CUDA's streams, with devices that are simulated (simulated_cuda.h).
#include <gtest/gtest.h>

#include "simulated_cuda.h"

int main(int argc, char** argv) {
  // Left out is what only CUDA does: reports of its kernels, and streams that wait for the default stream by
  // themselves.
  testing::GTEST_FLAG(filter) = "-*BadIndex*:*ABlockingOne*";
  testing::InitGoogleTest(&argc, argv);
  ember::test::simulate_cuda();
  return RUN_ALL_TESTS();
}
