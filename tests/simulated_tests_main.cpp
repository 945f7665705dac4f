// Tests of CUDA's streams, with devices that are simulated (simulated_cuda.h).
#include <gtest/gtest.h>

#include "simulated_cuda.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  ember::test::simulate_cuda();
  return RUN_ALL_TESTS();
}
